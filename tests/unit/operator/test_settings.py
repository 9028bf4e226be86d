"""The operator refuses an environment that it can't follow, and names the variable."""

import pytest

from fedtrain.manifests.settings import Hub, Settings, SettingsWrong

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


HUB = {
    "FEDTRAIN_CONTROLLERS": "participant",
    "FEDTRAIN_NAMESPACES": "training",
    "FEDTRAIN_HUB_SERVER": "https://hub.example.org:6443",
    "FEDTRAIN_HUB_NAMESPACE": "bank-b",
    "FEDTRAIN_HUB_PARTICIPANT": "bank-b",
    "FEDTRAIN_HUB_CREDENTIALS": "/var/run/fedtrain/hub",
}


def test_a_participant_with_a_cluster_of_its_own_has_a_hub() -> None:
    read = Settings.read({**NEEDED, **HUB, "FEDTRAIN_HUB_PROXY": "http://proxy:3128"}).hub
    assert read == Hub(
        server="https://hub.example.org:6443",
        namespace="bank-b",
        participant="bank-b",
        credentials="/var/run/fedtrain/hub",
        proxy="http://proxy:3128",
    )
    assert Settings.read({**NEEDED}).hub is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"FEDTRAIN_HUB_NAMESPACE": ""}, "FEDTRAIN_HUB_NAMESPACE is not set"),
        ({"FEDTRAIN_HUB_SERVER": "hub.example.org"}, "FEDTRAIN_HUB_SERVER"),
        ({"FEDTRAIN_HUB_SERVER": "https://user:secret@hub.example.org"}, "FEDTRAIN_HUB_SERVER"),
        ({"FEDTRAIN_CONTROLLERS": "coordinator,participant"}, "Set FEDTRAIN_CONTROLLERS to participant"),
        ({"FEDTRAIN_NAMESPACES": ""}, "FEDTRAIN_NAMESPACES to its one namespace"),
        ({"FEDTRAIN_NAMESPACES": "a,b"}, "FEDTRAIN_NAMESPACES to its one namespace"),
    ],
)
def test_a_hub_that_cannot_be_used_is_refused(change: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsWrong, match=message):
        Settings.read({**NEEDED, **HUB, **change})
