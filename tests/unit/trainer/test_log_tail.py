"""The lines of the trainer's log that may leave a participant contain no value of a row."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from fedtrain_trainer import log_tail
from fedtrain_trainer.log_tail import LINES, LogTail
from fedtrain_trainer.outcome import Outcome, Refused
from fedtrain_trainer.outcome_file import LONGEST_REASON, MOST_BYTES, outcome_json
from fedtrain_trainer.progress_log import ProgressLog
from tiny_federation import Federation

from fedtrain.contracts.audit import SentObject

SECRET = "Patient4711"


@pytest.fixture
def tail() -> Iterator[LogTail]:
    logger = logging.getLogger(log_tail.LOGGER)
    before, installed = logger.level, log_tail.install()
    logger.setLevel(logging.INFO)
    yield installed
    logger.removeHandler(installed)
    logger.setLevel(before)


def test_an_unexpected_error_about_a_row_leaves_its_type_and_place(
    federation: Federation, tail: LogTail, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> object:
        raise KeyError(SECRET) from ValueError(SECRET)

    monkeypatch.setattr("fedtrain_trainer.works.inspect.participant_rows", fails)
    federation.run(federation.assignment({"type": "Inspect"}))
    text = "\n".join(tail.lines)
    assert "KeyError at run.py:" in text
    assert "inspect.py:" in text
    assert SECRET not in text


def test_a_refused_row_is_named_by_file_and_line(federation: Federation, tail: LogTail) -> None:
    federation.data.write_text(json.dumps({"prompt": [SECRET], "completion": SECRET}) + "\n")
    federation.run(federation.assignment({"type": "Inspect"}))
    assert "data.jsonl:1" in "\n".join(tail.lines)
    assert SECRET not in "\n".join(tail.lines)


def test_messages_of_foreign_errors_and_other_loggers_are_not_kept(tail: LogTail) -> None:
    log = logging.getLogger(log_tail.LOGGER)
    logging.getLogger("fedtrain.data").error("row %s", SECRET)
    logging.getLogger("transformers").error("row %s", SECRET)
    log.warning("%s is not measured: %s", "loss", ValueError(SECRET))
    log.warning("%s is not measured: %s", "accuracy", Refused("no answers"))
    first, second = tail.lines
    assert first.endswith("warning loss is not measured: ValueError")
    assert second.endswith("warning accuracy is not measured: no answers")


def test_the_log_has_the_mean_loss_at_each_shown_step_and_the_tail_does_not(
    tail: LogTail, caplog: pytest.LogCaptureFixture
) -> None:
    progress = ProgressLog()
    for step in (1, 2):
        progress("training", step, 2, 2.0 / step)
    assert caplog.messages == ["training: step 1 of 2, mean loss 2.0000", "training: step 2 of 2, mean loss 1.0000"]
    assert [line.split(" ", 2)[2] for line in tail.lines] == ["training: step 1 of 2", "training: step 2 of 2"]


def test_the_tail_has_the_last_lines_and_the_log_a_line_for_each_tenth_of_a_phase(tail: LogTail) -> None:
    progress = ProgressLog()
    progress("data", 0, 0)
    for step in range(1, 101):
        progress("training", step, 100, 2.5)
    assert [line.split(" ", 2)[2] for line in tail.lines[:3]] == [
        "data",
        "training: step 1 of 100",
        "training: step 10 of 100",
    ]
    assert len(tail.lines) == 12
    for number in range(100):
        logging.getLogger(log_tail.LOGGER).info("line %d", number)
    assert len(tail.lines) == LINES
    assert tail.lines[-1].endswith("info line 99")


@pytest.mark.parametrize("character", ["x", "ü"])
def test_an_outcome_fits_a_termination_message_and_keeps_the_newest_lines(character: str) -> None:
    sent = (SentObject(name="0.safetensors", bytes=1, digest="blake3:" + "0" * 64),)
    outcome = Outcome(1, character * 300, {"total": 1.0}, sent)
    text = outcome_json(outcome, [f"{number} {character * 100}" for number in range(40)])
    content = json.loads(text)
    assert len(text.encode()) <= MOST_BYTES
    assert content["sent"][0]["name"] == "0.safetensors"
    assert content["log"][-1].startswith("39 ")
    assert len(content["log"]) < 40
    assert json.loads(outcome_json(Outcome(1, "x" * 5000)))["reason"] == "x" * LONGEST_REASON


def test_the_trainer_logs_to_the_name_that_is_kept() -> None:
    folder = Path(log_tail.__file__).parent
    lines = {line for file in folder.glob("*.py") for line in file.read_text().splitlines() if "log = logging" in line}
    assert lines == {
        f'log = logging.getLogger("{log_tail.LOGGER}")',
        'local_log = logging.getLogger("fedtrain.participant")',  # stays with the participant
    }
