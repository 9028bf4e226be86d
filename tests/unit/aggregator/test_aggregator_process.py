"""`python -m fedtrain_aggregator`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from fedtrain_aggregator import assignment
from fedtrain_aggregator.assignment import carry_out
from round_on_disk import MakeRound, RoundOnDisk, adapter

from fedtrain.contracts import names
from fedtrain.contracts.exit_codes import EXIT_DONE, EXIT_LEDGER, EXIT_REFUSED, EXIT_RETRY
from fedtrain.contracts.records import Aggregate, Close
from fedtrain.ledger.store import StoreRefused, StoreUnavailable


def ordered(of: RoundOnDisk, **fields: object) -> str:
    storage = {"type": "File", "file": {"path": str(of.folder / "store")}}
    return json.dumps({"namespace": "team", "name": "notes", "round": 1, "k": 1, "storage": storage} | fields)


def process(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fedtrain_aggregator", *arguments], input=text, capture_output=True, text=True
    )


def with_one_update(round: RoundOnDisk) -> RoundOnDisk:
    round.send("anna", adapter(1))
    round.close()
    return round


def test_it_aggregates_what_a_file_asks_for_without_torch(make_round: MakeRound, tmp_path: Path):
    round = with_one_update(make_round())
    file = tmp_path / "assignment.json"
    file.write_text(ordered(round))
    done = process("--assignment", str(file))
    assert (done.returncode, done.stdout) == (EXIT_DONE, "")
    made = round.reopened().read(names.aggregate(1, 1), Aggregate)
    assert made is not None
    assert made.adapter in done.stderr
    imported = "import sys, fedtrain_aggregator.__main__; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", imported]).returncode == 0


def test_it_serves_one_assignment_a_line(make_round: MakeRound):
    round = with_one_update(make_round())
    done = process("--serve", text="\n".join([ordered(round), ordered(round, round=2), "{", ""]))
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["code"] for answer in answers] == [EXIT_DONE, EXIT_REFUSED, EXIT_REFUSED]
    assert "rounds/0002/close-1.json" in answers[1]["reason"]
    assert round.reopened().read(names.aggregate(1, 1), Aggregate) is not None


def test_it_answers_although_the_disk_of_its_log_is_full(make_round: MakeRound):
    round = with_one_update(make_round())
    with Path("/dev/full").open("w") as log:
        done = subprocess.run(
            [sys.executable, "-m", "fedtrain_aggregator", "--serve"],
            input=f"{ordered(round)}\n{ordered(round)}\n",
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert [json.loads(line)["code"] for line in done.stdout.splitlines()] == [EXIT_DONE, EXIT_DONE]


def test_updates_of_zeros_are_named(make_round: MakeRound):
    round = make_round()
    round.send("anna", adapter(1))
    for participant in ("ben", "carla"):
        round.send(participant, adapter(1, scale=0.0))
    round.close()
    code, reason = carry_out(ordered(round))
    assert code == EXIT_DONE
    assert reason.endswith("Warning: the updates of these participants are all zeros: ben, carla")


def test_a_missing_file_is_named(tmp_path: Path):
    done = process("--assignment", str(tmp_path / "nowhere.json"))
    assert done.returncode == EXIT_REFUSED
    assert "nowhere.json" in done.stderr


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"k": 0}, "k: Input should be greater than or equal to 1"),
        ({"name": "other"}, "the run does not exist"),
        ({"storage": {"type": "S3"}}, "storage.s3"),
    ],
)
def test_what_no_second_try_makes_better_is_refused(make_round: MakeRound, fields: dict[str, object], words: str):
    code, reason = carry_out(ordered(make_round(), **fields))
    assert code == EXIT_REFUSED
    assert words in reason


@pytest.mark.parametrize("damage", [(b"}", b"]"), (b"lora_A", b"lora_X"), (b"F32", b"I32"), (b"", b"\x00")])
def test_a_damaged_global_adapter_is_refused_by_name(make_round: MakeRound, damage: tuple[bytes, bytes]):
    round = with_one_update(make_round())
    blob = names.blob(round.blob(round.start))
    path = round.folder / "store/team/notes" / blob
    path.write_bytes(path.read_bytes().replace(*damage, 1))
    code, reason = carry_out(ordered(round))
    assert code == EXIT_REFUSED
    assert blob in reason
    assert "damaged" in reason
    assert round.reopened().read(names.close(1, 2), Close) is None, "it is not the fault of an update"


def test_a_refusal_of_the_ledger_has_its_exit_code(make_round: MakeRound, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise StoreRefused("access is denied")

    monkeypatch.setattr(assignment, "aggregate", fail)
    assert carry_out(ordered(make_round())) == (EXIT_LEDGER, "access is denied")


@pytest.mark.parametrize("error", [StoreUnavailable("no route"), OSError("no space left"), MemoryError()])
def test_what_may_pass_is_tried_again(make_round: MakeRound, monkeypatch: pytest.MonkeyPatch, error: Exception):
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(assignment, "aggregate", fail)
    assert carry_out(ordered(make_round()))[0] == EXIT_RETRY
