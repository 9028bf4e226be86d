"""`data.datasets`: participants that mix two data sets by shares, under `fedtrain run`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from fedtrain.cli.main import main
from fedtrain.contracts import names
from fedtrain.contracts.records import Plan
from tests.local.federation import Small

MIX = {"data": {"datasets": [{"name": "glosses", "share": 3}, {"name": "notes", "share": 1}]}}
PARTITIONING = {"partitioning": {"strategy": "FixedSize", "fixedSize": {"samples": 8}}}


@pytest.fixture
def mixed(tmp_path: Path) -> Small:
    return Small(tmp_path / "mixed", {**MIX, **PARTITIONING})


@pytest.mark.slow
def test_rounds_take_their_shares_of_each_data_set_and_a_killed_run_ends_with_the_same_adapters(
    zygote: str, mixed: Small, tmp_path: Path
) -> None:
    fault, killed = r"before:rounds/0002/manifest\.json$", str(tmp_path / "killed")
    assert mixed.run(zygote, FEDTRAIN_TEST_KILL=fault, FEDTRAIN_TEST_KILLED=killed).returncode == 137
    resumed = mixed.run(zygote)
    assert resumed.returncode == 0, resumed.said
    for round in (1, 2):
        plan = mixed.ledger.read(names.plan(round), Plan)
        assert plan is not None
        for member in plan.members:
            assert {one.name: one.samples for one in member.datasets or ()} == {"glosses": 6, "notes": 2}
    again = Small(tmp_path / "again", {**MIX, **PARTITIONING})
    done = again.run(zygote)
    assert done.returncode == 0, done.said
    assert mixed.digests() == again.digests()

    shown = CliRunner().invoke(main, ["status", str(mixed.file), "-o", "json"])
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.stdout)["phase"] == "Succeeded"
