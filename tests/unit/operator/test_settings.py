"""The operator refuses an environment that it can't follow, and names the variable."""

import pytest

from fedtrain.manifests.settings import Settings, SettingsWrong

NEEDED = {"FEDTRAIN_TRAINER_IMAGE": "trainer:1", "FEDTRAIN_HUB_IMAGE": "hub:1"}


def test_what_is_not_set_or_empty_has_its_default() -> None:
    empty = {"FEDTRAIN_NAMESPACES": "", "FEDTRAIN_CONTROLLERS": "", "FEDTRAIN_RESYNC_SECONDS": "", "OTHER": "x"}
    assert Settings.read({**NEEDED, **empty}) == Settings(trainer_image="trainer:1", hub_image="hub:1")


def test_lists_have_commas_and_numbers_are_numbers() -> None:
    given = {"FEDTRAIN_NAMESPACES": "a, b", "FEDTRAIN_CONTROLLERS": "coordinator", "FEDTRAIN_METRICS_PORT": "0"}
    read = Settings.read({**NEEDED, **given, "FEDTRAIN_HEARTBEAT_SECONDS": "1.5"})
    assert (read.namespaces, read.controllers) == (("a", "b"), ("coordinator",))
    assert (read.metrics_port, read.heartbeat) == (0, 1.5)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("FEDTRAIN_CONTROLLERS", "coordinater"),
        ("FEDTRAIN_CONTROLLERS", ","),
        ("FEDTRAIN_NAMESPACES", "team,Team_B"),
        ("FEDTRAIN_RESYNC_SECONDS", "2m"),
        ("FEDTRAIN_POD_CHECK_SECONDS", "0"),
        ("FEDTRAIN_HEARTBEAT_SECONDS", "nan"),
        ("FEDTRAIN_METRICS_PORT", "80810"),
        ("FEDTRAIN_HUB_PULL_POLICY", "Sometimes"),
        ("FEDTRAIN_HUB_PODS", "pool: hub"),
        ("FEDTRAIN_TRAINER_IMAGE", ""),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(SettingsWrong, match=name):
        Settings.read({**NEEDED, name: text})
