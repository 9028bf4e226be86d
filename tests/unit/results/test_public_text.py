"""Files that are passed on name no folder of the machine that wrote them."""

from dataclasses import replace
from pathlib import Path

import pytest

from fedtrain.contracts.records import Absent
from fedtrain.results.model_card import model_card
from fedtrain.results.public_text import public_place, public_run, public_text
from fedtrain.results.report import report
from fedtrain.results.run_comparison.page import page
from fedtrain.results.run_summary import FailureSummary, ParticipantRound, RunSummary
from fedtrain.results.summary import summarise
from tests.support.ledger_by_hand import SPEC, Hand

HOME = "/home/ana.klein"


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ("./base", "./base"),
        ("data/zoo.jsonl", "data/zoo.jsonl"),
        ("/home/ana/models/llama", "llama"),
        ("file:///home/ana/llama", "llama"),
        ("~/llama", "llama"),
        ("../../ana/llama", "llama"),
        ("..", "."),
        ("~", "."),
        ("s3://federations/base", "s3://federations/base"),
        ("HuggingFaceTB/SmolLM2-135M", "HuggingFaceTB/SmolLM2-135M"),
    ],
)
def test_a_place_keeps_only_what_is_within_the_folder_of_the_file(place: str, shown: str) -> None:
    assert public_place(place) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "The disk is full: /home/ana/x/update.safetensors can't be written.",
            "The disk is full: update.safetensors can't be written.",
        ),
        ("see '/home/Ana Klein/a b.jsonl'.", "see 'a b.jsonl'."),
        ("in /home/Ana Klein/fed/runs/default/wards/run.json, which", "in runs/default/wards/run.json, which"),
        (
            "s3://bucket/key and https://host/path, 3/4 of default/wards",
            "s3://bucket/key and https://host/path, 3/4 of default/wards",
        ),
        ('"file:///home/ana/base"', '"base"'),
    ],
)
def test_a_text_keeps_the_last_names_of_its_paths(text: str, shown: str) -> None:
    assert public_text(text, [Path("/home/Ana Klein/fed")]) == shown


def test_the_home_folder_is_never_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/Ana Klein")
    assert public_place("/home/Ana Klein") == "."
    assert public_text("no space in /home/Ana Klein/data/x.jsonl") == "no space in data/x.jsonl"
    assert public_run("file:///home/Ana%20Klein/default/wards") == "default/wards"
    assert public_run("file:///srv/a%20b/default/wards") == "a b/default/wards"


@pytest.fixture
def private(hand: Hand) -> RunSummary:
    """A run whose file and messages have paths of a home folder."""
    hub = {**SPEC["evaluation"]["hub"], "data": {"uri": f"{HOME}/data/test.jsonl"}}
    hand.spec = {
        **SPEC,
        "model": {**SPEC["model"], "base": f"{HOME}/models/llama"},
        "evaluation": {**SPEC["evaluation"], "hub": hub},
        "storage": {"type": "File", "file": {"path": HOME}},
    }
    hand.begin(evaluated=False)
    why = f"The disk of the ledger is full: {HOME}/runs/x can't be written"
    failure = FailureSummary(1, 0, "StoreRefused", why)
    lost = ParticipantRound("zoo", "Quarantined", reason=why, retried=(f"attempt 1: {why}",))
    summary = summarise(hand.ledger)
    first = replace(
        summary.rounds[0], reason=why, absent=(Absent(participant="zoo", reason=why),), participants=(lost,)
    )
    return replace(summary, phase="Halted", message=why, failures=(failure,), rounds=(first,))


def test_report_comparison_and_card_name_no_folder(private: RunSummary, tmp_path: Path) -> None:
    html = report(private, None)
    assert "The disk of the ledger is full: x can&#39;t be written" in html
    assert "<dt>base model</dt><dd>llama</dd>" in html
    assert "fedtrain ledger verify runs/default/quickstart" in html
    spec = private.spec.model_copy(
        update={"model": private.spec.model.model_copy(update={"base": f"{HOME}/models/qwen"})}
    )
    other = replace(private, name="other", spec=spec)
    for text in (html, model_card(private, private.rounds[0], "adapter"), page([private, other], {})):
        assert HOME not in text
        assert str(tmp_path) not in text
