"""Real runs under privacy: what they cost when a round is redone."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from federation import Small
from private_federation import ADAPTIVE, FIXED, NORM, PEOPLE, entered, private, private_rows
from ruamel.yaml import YAML
from safetensors.numpy import load

from fedtrain.cli.main import main
from fedtrain.contracts import names
from fedtrain.contracts.noise_records import NoiseDraw, Spend
from fedtrain.contracts.privacy_blocks import PrivacyState
from fedtrain.contracts.records import Aggregate, Close, Manifest, Plan
from fedtrain.contracts.untrusted_records import Update
from fedtrain.ledger.verify import verify
from fedtrain.privacy.accounting import Poisson, Release, epsilon


def test_a_round_that_is_redone_without_a_participant_costs_a_second_draw(zygote: str, tmp_path: Path) -> None:
    small = private(tmp_path / "run")
    fault, killed = r"before:rounds/0001/manifest\.json$", str(tmp_path / "killed")
    assert small.run(zygote, parallel=1, FEDTRAIN_TEST_KILL=fault, FEDTRAIN_TEST_KILLED=killed).returncode == 137
    reason = ["--reason", "a wrong data set", "--by", "ada"]
    done = CliRunner().invoke(main, ["ledger", "exclude", str(small.file), "zoo", "--round", "1", *reason])
    assert done.exit_code == 0, done.output
    resumed = small.run(zygote, parallel=1)
    assert resumed.returncode == 0, resumed.said
    first, second = small.manifests()[1:]
    assert (first.k, second.k) == (2, 1)
    assert [manifest.privacy and manifest.privacy.spent[0].count for manifest in (first, second)] == [2, 3]
    close = small.ledger.read(names.close(1, 2), Close)
    assert close is not None
    assert [update.participant for update in close.updates] == ["museum", "observatory"]
    assert verify(small.ledger).sound


MODES = [
    ("Server", "Adaptive", "Server"),
    ("Client", "Fixed", "Server"),
    ("Client", "Adaptive", "Server"),
    ("Client", "Adaptive", "Client"),
]
"""Where updates are clipped, how, and who adds the noise. Server, Fixed and Server are those of the test above."""


@pytest.mark.parametrize(("clips", "how", "adds_noise"), MODES)
def test_rounds_are_clipped_and_noised_where_the_file_says(
    clips: str, how: str, adds_noise: str, zygote: str, tmp_path: Path
) -> None:
    small = private(
        tmp_path / "run",
        noise={"type": "Multiplier", "multiplier": 0.5, "location": adds_noise},
        clipping={"location": clips} | (ADAPTIVE if how == "Adaptive" else FIXED),
    )
    done = small.run(zygote, parallel=1)
    assert done.returncode == 0, done.said
    manifests, shared, adaptive = small.manifests(), adds_noise == "Client", how == "Adaptive"
    assert [manifest.outcome for manifest in manifests] == ["Initial", "Committed", "Committed"]
    assert [(manifest.privacy and manifest.privacy.bound) != NORM for manifest in manifests[1:]] == [adaptive] * 2
    assert [manifest.privacy and manifest.privacy.spent[0].count for manifest in manifests[1:]] == [1, 2]
    for round in (1, 2):
        plan = small.ledger.read(names.plan(round), Plan)
        spend = small.ledger.read(names.spend(round, 1), Spend)
        aggregate = small.ledger.read(names.aggregate(round, 1), Aggregate)
        assert plan is not None
        assert plan.privacy is not None
        assert spend is not None
        assert (spend.seed is None) == shared
        assert aggregate is not None
        assert aggregate.privacy is not None
        bound = plan.privacy.bound
        if not shared:
            std = plan.privacy.update_multiplier * bound / len(PEOPLE)
            assert aggregate.privacy.noise_std == pytest.approx(std, rel=1e-5)
        for who in PEOPLE:
            record = small.ledger.read(names.update(round, who, 1), Update)
            assert record is not None
            assert (record.within_bound is None) == (clips == "Server" or not adaptive)
            assert record.within_bound is None or (record.within_bound in (0, 1)) != shared
            assert (record.norm is None) == (clips == "Client")
            if clips == "Client" and not shared:
                assert norm_of(small, round, who, record) <= bound * (1 + 1e-6), "clipped before it left"
    assert verify(small.ledger).sound
    assert (small.folder / "runs/.noise-keys").exists() == shared


def norm_of(small: Small, round: int, who: str, record: Update) -> float:
    sent = load(small.ledger.content(f"{names.update_folder(round, who, 1)}/{record.file}"))
    return float(np.sqrt(sum(np.sum(values.astype(np.float64) ** 2) for values in sent.values())))


def test_single_rows_are_protected_by_noise_in_each_step(zygote: str, tmp_path: Path) -> None:
    small = private_rows(tmp_path / "run")
    done = small.run(zygote, parallel=1)
    assert done.returncode == 0, done.said
    for round in (1, 2):
        for who in PEOPLE:
            draw = small.ledger.read(names.noise_draw(round, who, 1), NoiseDraw)
            record = small.ledger.read(names.update(round, who, 1), Update)
            assert draw is not None
            assert record is not None
            assert record.steps == 2
            assert (record.train_loss, record.validation_loss, record.tokens) == (None, None, None)
    steps = [
        {one.participant: one.steps for one in privacy_of(manifest).participants} for manifest in small.manifests()
    ]
    assert steps == [{}, dict.fromkeys(PEOPLE, 2), dict.fromkeys(PEOPLE, 4)]
    assert all(privacy_of(manifest).spent == () for manifest in small.manifests()), "the hub adds no noise"
    assert verify(small.ledger).sound
    assert entered(small, "Example") == [4, 4, 4]
    plan = small.ledger.read(names.plan(1), Plan)
    assert plan is not None
    spent = epsilon({Release(1.0, Poisson(4 / plan.members[0].samples)): 4}, 1e-5)
    shown = CliRunner().invoke(main, ["participant", "privacy", "--file", str(small.file)])
    assert shown.exit_code == 0, shown.output
    for who in PEOPLE:
        assert f"{who}, data set glosses, unit Example: epsilon {spent:.4g} at delta 1e-05" in shown.output


def privacy_of(manifest: Manifest) -> PrivacyState:
    assert manifest.privacy is not None
    return manifest.privacy


def limit_epsilon(small: Small, most: float) -> None:
    """Set the policies' `maxEpsilon`."""
    documents = list(YAML(typ="safe").load_all(small.file.read_text()))
    for policy in documents[1:]:
        policy["spec"]["privacy"] = {"maxEpsilon": most}
    with small.file.open("w") as file:
        YAML(typ="safe").dump_all(documents, file)


def test_the_owners_ledger_counts_a_killed_round_once_and_outlives_a_deleted_run(zygote: str, tmp_path: Path) -> None:
    """Killed after the rounds were entered beside the data, and before any update was counted."""
    small = private(tmp_path / "run")
    limit_epsilon(small, epsilon({Release(0.5): 3}, 1e-5))
    fault, killed = r"before:rounds/0001/close-1\.json$", str(tmp_path / "killed")
    assert small.run(zygote, parallel=1, FEDTRAIN_TEST_KILL=fault, FEDTRAIN_TEST_KILLED=killed).returncode == 137
    assert entered(small) == [1, 1, 1]
    resumed = small.run(zygote, parallel=1)
    assert resumed.returncode == 0, resumed.said
    assert entered(small) == [2, 2, 2]
    deleted = CliRunner().invoke(main, ["delete", str(small.file), "--yes"])
    assert deleted.exit_code == 0, deleted.output
    again = CliRunner().invoke(main, ["run", str(small.file)])
    assert again.exit_code == 1
    assert (
        "all trainings on data set glosses with unit: Participant together spend" in f"{again.exception}{again.output}"
    )
    assert entered(small) == [2, 2, 2]
