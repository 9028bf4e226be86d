"""No value of a row leaves a participant: not in an outcome's reason, nor in any object of the ledger."""

import json
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pytest
import torch
from fedtrain_trainer.outcome import Outcome
from pyarrow import parquet
from tiny_federation import Federation, classified, saved_base, tokenizer

from fedtrain.contracts.exit_codes import EXIT_REFUSED
from fedtrain.data.reader import read_rows
from fedtrain.data.row import digest_in_any_order, digest_of_rows
from fedtrain.partitioning import split_indices

SECRET = "Patient4711"
GOOD: dict[str, dict[str, Any]] = {
    "PromptCompletion": {"prompt": "a cat is =>", "completion": " animal"},
    "Messages": {"messages": [{"role": "user", "content": "a cat"}, {"role": "assistant", "content": "animal"}]},
    "Text": {"text": "a cat is => animal"},
}


def leaked(federation: Federation, outcome: Outcome) -> list[str]:
    """Places outside the participant that contain the secret."""
    found = ["reason"] if SECRET in outcome.reason else []
    for name in federation.ledger.names():
        if SECRET.encode() in federation.ledger.content(name):
            found.append(name)
    return found


FAULTS = [
    ("PromptCompletion", {"prompt": [SECRET], "completion": " x"}),
    ("PromptCompletion", {"prompt": SECRET, "completion": {SECRET: SECRET}}),
    ("PromptCompletion", {"prompt": "a", "completion": " x", "choices": [SECRET]}),
    ("PromptCompletion", {"prompt": "a", "completion": " x", "choices": {SECRET: 1}}),
    ("PromptCompletion", {"prompt": f"{SECRET}\ud800", "completion": " x"}),
    ("PromptCompletion", {SECRET: SECRET}),
    ("PromptCompletion", SECRET),
    ("Messages", {"messages": SECRET}),
    ("Messages", {"messages": [SECRET]}),
    ("Messages", {"messages": [{"role": "user", "content": [SECRET]}]}),
    ("Messages", {"messages": [{"role": {SECRET: 1}, "content": SECRET}]}),
    ("Messages", {"messages": [{"role": SECRET, "content": SECRET}]}),
    ("Text", {"text": {SECRET: SECRET}}),
    ("Text", {"text": f"{SECRET}\udfff"}),
]


@pytest.mark.parametrize(("format", "row"), FAULTS)
def test_a_refused_row_is_named_without_its_values(federation: Federation, format: str, row: object) -> None:
    federation.format["format"] = format
    federation.data.write_text(f"{json.dumps(GOOD[format])}\n{json.dumps(row)}\n")
    outcome = federation.run(federation.assignment({"type": "Inspect"}))
    assert outcome.reason.startswith("data.jsonl:2: ")
    assert leaked(federation, outcome) == []


@pytest.mark.parametrize("line", [f'{{"text": "{SECRET}', f'{{"text": {SECRET}}}', f'"{SECRET}" 1', "[" * 100_000])
def test_a_line_that_is_not_json_is_named_without_its_text(federation: Federation, line: str) -> None:
    federation.format["format"] = "Text"
    federation.data.write_text(f'{{"text": "a"}}\n{line}\n')
    outcome = federation.run(federation.assignment({"type": "Inspect"}))
    assert outcome.reason.startswith("data.jsonl:2:")
    assert leaked(federation, outcome) == []


def test_an_answer_outside_of_its_choices_is_named_by_line(federation: Federation) -> None:
    federation.data.write_text(json.dumps({"prompt": "a", "completion": SECRET, "choices": ["y", "z"]}) + "\n")
    outcome = federation.run(federation.evaluation([{"name": "right", "type": "Choices"}]))
    assert outcome.reason.startswith("data.jsonl:1: ")
    assert leaked(federation, outcome) == []


@pytest.mark.parametrize("error", [ValueError, KeyError, RuntimeError, TypeError])
def test_the_message_of_an_unexpected_error_stays_in_the_local_log(
    federation: Federation,
    error: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object) -> None:
        raise error(f"cannot convert {SECRET!r}")

    monkeypatch.setattr("fedtrain_trainer.works.inspect.participant_rows", fail)
    outcome = federation.run(federation.assignment({"type": "Inspect"}))
    assert f"unexpected {error.__name__} at inspect.py:" in outcome.reason
    assert leaked(federation, outcome) == []
    assert SECRET in caplog.text


@pytest.mark.parametrize(
    "template", ["{{ raise_exception(messages[0]['content']) }}", "{{ messages[0]['content'] + 1 }}"]
)
def test_a_failing_chat_template_is_named_without_the_conversation(
    tmp_path: Path, template: str, caplog: pytest.LogCaptureFixture
) -> None:
    base = saved_base(tmp_path / "base", "llama")
    words = tokenizer()
    words.chat_template = template
    words.save_pretrained(base)
    federation = Federation(tmp_path, base, classified(4))
    federation.format["format"] = "Messages"
    row = {"messages": [{"role": "user", "content": SECRET}, {"role": "assistant", "content": "x"}]}
    federation.data.write_text(f"{json.dumps(row)}\n" * 20)
    work = federation.train_work()
    outcome = federation.run(federation.assignment(work, round=1))
    assert "data.jsonl:" in outcome.reason
    assert "chat template fails" in outcome.reason
    assert leaked(federation, outcome) == []


def test_metrics_that_the_validation_rows_do_not_allow_are_omitted_and_named(federation: Federation) -> None:
    one_class = [{"prompt": f"a {number} is =>", "completion": " animal"} for number in range(40)]
    federation.data.write_text("".join(f"{json.dumps(row)}\n" for row in one_class))
    metrics = [{"name": "accuracy", "type": "Choices"}, {"name": "loss", "type": "Loss"}]
    update = federation.trained(metrics=metrics)
    assert set(update.received) == {"loss"}
    telemetry = json.loads(federation.ledger.content("telemetry/rounds/0001/a-1/trainer.json"))
    assert "different answers" in telemetry["omittedMetrics"]["accuracy"]


@pytest.mark.parametrize("keep", ["Last", "Best"])
def test_a_validation_split_without_an_answer_keeps_no_participant_out(federation: Federation, keep: str) -> None:
    torch.manual_seed(0)
    federation.format |= {"format": "Messages", "maxLength": 24, "validationFraction": 0.02}
    federation.training["keep"] = keep
    short = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    long = {"messages": [{"role": "user", "content": "cat " * 40}, {"role": "assistant", "content": "b"}]}
    from fedtrain.partitioning import split_indices

    _, (held_out,) = split_indices(40, 0.02, 17, "a")
    rows = [long if at == held_out else short for at in range(40)]
    federation.data.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    update = federation.trained(metrics=[{"name": "loss", "type": "Loss"}])
    assert (update.validation_loss, dict(update.received)) == (None, {})


def tables() -> dict[str, pa.Table]:
    invalid = pa.array([b"a", f"{SECRET}\xff".encode("latin-1")], pa.binary()).view(pa.string())
    return {
        "list": pa.table({"prompt": [["a"], [SECRET]], "completion": ["x", "y"]}),
        "bytes": pa.table({"prompt": [b"a", SECRET.encode()], "completion": ["x", "y"]}),
        "struct": pa.table({"prompt": ["a", "b"], "completion": [{SECRET: SECRET}, {SECRET: SECRET}]}),
        "not UTF-8": pa.table({"prompt": invalid, "completion": ["x", "y"]}),
        "choices": pa.table({"prompt": ["a", "b"], "completion": ["x", "y"], "choices": [[SECRET], [SECRET]]}),
    }


@pytest.mark.parametrize("fault", tables())
@pytest.mark.parametrize("saved", [False, True])
def test_a_refused_row_of_a_table_is_named_without_its_values(
    federation: Federation, tmp_path: Path, fault: str, saved: bool
) -> None:
    federation.data = tmp_path / ("saved" if saved else "rows.parquet")
    if saved:
        datasets.Dataset(tables()[fault]).save_to_disk(str(federation.data))
    else:
        parquet.write_table(tables()[fault], federation.data)
    outcome = federation.run(federation.assignment({"type": "Inspect"}))
    assert outcome.code == EXIT_REFUSED
    named = "a text" if fault == "not UTF-8" else "row "
    assert outcome.reason.startswith(f"{federation.data.name}: {named}")
    assert leaked(federation, outcome) == []


def test_no_record_of_a_participant_has_a_digest_that_confirms_guessed_rows(federation: Federation) -> None:
    work = federation.train_work()
    federation.trained(metrics=[{"name": "loss", "type": "Loss"}])
    wanted = {key: work[key] for key in ("adapter", "config", "fingerprint")}
    metrics = [{"name": "right", "type": "Choices"}]
    measured = federation.assignment({"type": "Measure", **wanted, "metrics": metrics}, round=1)
    assert federation.run(measured).reason == ""
    rows = read_rows(str(federation.data), "PromptCompletion")
    parts = split_indices(len(rows), 0.2, 17, "a")
    groups = [rows, *([rows[at] for at in part] for part in parts), *([row] for row in rows)]
    guesses = {digest(group) for group in groups for digest in (digest_of_rows, digest_in_any_order)}
    records = [federation.ledger.content(name).decode() for name in federation.ledger.names() if name.endswith("json")]
    assert len(records) >= 3
    assert not [guess for guess in guesses for record in records if guess.removeprefix("blake3:") in record]
