"""A participant is excluded from the current round of a real run, which is then redone without it."""

from pathlib import Path

from click.testing import CliRunner, Result
from federation import Small

from fedtrain.cli.main import main
from fedtrain.contracts import names
from fedtrain.contracts.records import Close, Exclusion
from fedtrain.ledger.verify import verify


def exclude(small: Small, round: int) -> Result:
    reason = ["--reason", "its update is 1e38 everywhere", "--by", "ada"]
    return CliRunner().invoke(main, ["ledger", "exclude", str(small.file), "zoo", "--round", str(round), *reason])


def test_a_round_is_redone_without_a_participant_and_the_next_one_includes_it_again(
    zygote: str, undisturbed: Small, tmp_path: Path
) -> None:
    small = Small(tmp_path / "run", {"rounds": {"minParticipants": 1}})
    fault, killed = r"before:rounds/0001/manifest\.json$", str(tmp_path / "killed")
    assert small.run(zygote, FEDTRAIN_TEST_KILL=fault, FEDTRAIN_TEST_KILLED=killed).returncode == 137
    done = exclude(small, 1)
    assert done.exit_code == 0, done.output
    assert "round 1 is redone without zoo, excluded by ada: its update is 1e38 everywhere" in done.output
    resumed = small.run(zygote)
    assert resumed.returncode == 0, resumed.said
    first, second = small.manifests()[1:]
    assert (first.k, [absent.participant for absent in first.absent]) == (2, ["zoo"])
    assert second.absent == ()
    assert first.adapter != undisturbed.manifests()[1].adapter
    close = small.ledger.read(names.close(1, 2), Close)
    assert close is not None
    assert [update.participant for update in close.updates] == ["museum"]
    assert verify(small.ledger).sound
    refused = exclude(small, 2)
    assert refused.exit_code == 1
    assert "is already recorded and cannot be changed" in refused.output
    assert f"fedtrain init --from {small.ledger.address}" in refused.output
    assert small.ledger.read(names.exclusion(2, "zoo"), Exclusion) is None
