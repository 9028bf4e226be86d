"""Real runs under privacy: what they cost when a round is redone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from federation import Small
from ruamel.yaml import YAML

from fedtrain.api.reading import read_file
from fedtrain.cli.main import main
from fedtrain.contracts import names
from fedtrain.contracts.noise_records import Spend
from fedtrain.contracts.records import Aggregate, Close, Update
from fedtrain.ledger.verify import verify
from fedtrain.manifests.privacy_ledger import released
from fedtrain.privacy.accounting import Release, epsilon
from fedtrain.runner.privacy_files import entries_of_data

FIXED = {"type": "Fixed", "norm": 0.05}


def private(folder: Path, **privacy: Any) -> Small:
    """Three participants, so that a round without one of them still hides each of the others."""
    changes: Mapping[str, Any] = {
        "participants": [{"name": "zoo"}, {"name": "museum"}, {"name": "observatory"}],
        "rounds": {"count": 2, "minParticipants": 2},
        "aggregation": {"weights": "Uniform"},
        "privacy": {
            "unit": "Participant",
            "budget": {"epsilon": 1000, "delta": 1e-5},
            "noise": {"type": "Multiplier", "multiplier": 0.5},
            "clipping": FIXED,
        }
        | privacy,
    }
    return Small(folder, dict(changes))


def test_a_round_that_is_redone_without_a_participant_costs_a_second_draw(zygote: str, tmp_path: Path) -> None:
    small = private(tmp_path / "run")
    fault, killed = r"before:rounds/0001/manifest\.json$", str(tmp_path / "killed")
    assert small.run(zygote, FEDTRAIN_TEST_KILL=fault, FEDTRAIN_TEST_KILLED=killed).returncode == 137
    reason = ["--reason", "a wrong data set", "--by", "ada"]
    done = CliRunner().invoke(main, ["ledger", "exclude", str(small.file), "zoo", "--round", "1", *reason])
    assert done.exit_code == 0, done.output
    resumed = small.run(zygote)
    assert resumed.returncode == 0, resumed.said
    first, second = small.manifests()[1:]
    assert (first.k, second.k) == (2, 1)
    assert [manifest.privacy and manifest.privacy.spent[0].count for manifest in (first, second)] == [2, 3]
    close = small.ledger.read(names.close(1, 2), Close)
    assert close is not None
    assert [update.participant for update in close.updates] == ["museum", "observatory"]
    assert verify(small.ledger).sound


@pytest.mark.parametrize("location", ["Server", "Client"])
def test_participants_clip_and_add_their_noise(location: str, zygote: str, tmp_path: Path) -> None:
    small = private(
        tmp_path / "run",
        noise={"type": "Multiplier", "multiplier": 0.5, "location": location},
        clipping={"type": "Adaptive", "location": "Client", "adaptive": {"initialNorm": 0.05}},
    )
    done = small.run(zygote)
    assert done.returncode == 0, done.said
    manifests, shared = small.manifests(), location == "Client"
    assert [manifest.outcome for manifest in manifests] == ["Initial", "Committed", "Committed"]
    assert all(manifest.privacy and manifest.privacy.bound != 0.05 for manifest in manifests[1:])
    for round in (1, 2):
        spend, aggregate = (
            small.ledger.read(names.spend(round, 1), Spend),
            small.ledger.read(names.aggregate(round, 1), Aggregate),
        )
        assert spend is not None
        assert (spend.seed is None) == shared
        assert aggregate is not None
        assert aggregate.privacy is not None
        for who in ("zoo", "museum", "observatory"):
            record = small.ledger.read(names.update(round, who, 1), Update)
            assert record is not None
            assert record.within_bound is not None
            assert (record.within_bound in (0, 1)) != shared
    assert verify(small.ledger).sound
    keys = small.folder / "runs/default/small/telemetry/noise"
    assert keys.exists() == shared


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
    assert small.run(zygote, FEDTRAIN_TEST_KILL=fault, FEDTRAIN_TEST_KILLED=killed).returncode == 137

    def rounds() -> list[int]:
        federation = read_file(small.file)
        entries = (entries_of_data(federation, policy.spec.datasets) for policy in federation.policies.values())
        return [sum(released(found, {"glosses"}, "Participant").values()) for found in entries]

    assert rounds() == [1, 1, 1]
    resumed = small.run(zygote)
    assert resumed.returncode == 0, resumed.said
    assert rounds() == [2, 2, 2]
    deleted = CliRunner().invoke(main, ["delete", str(small.file), "--yes"])
    assert deleted.exit_code == 0, deleted.output
    again = CliRunner().invoke(main, ["run", str(small.file)])
    assert again.exit_code == 1
    assert (
        "all trainings on data set glosses with unit: Participant together spend" in f"{again.exception}{again.output}"
    )
    assert rounds() == [2, 2, 2]
