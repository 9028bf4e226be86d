"""How much an accuracy means: the labels that it chooses among."""

from dataclasses import replace
from pathlib import Path

import pytest

from fedtrain.contracts.answer_labels import AnswerLabels
from fedtrain.results.chance import guess_warning, labels_note
from fedtrain.results.held_out_rows import changed_rows_text
from fedtrain.results.model_card import model_card
from fedtrain.results.report import report
from fedtrain.results.run_result import result_lines, run_result
from fedtrain.results.run_summary import RunSummary
from fedtrain.results.status import first_lines
from fedtrain.results.summary import summarise
from tests.support.ledger_by_hand import Hand


def labelled(hand: Hand, commonest: float) -> RunSummary:
    """The finished run, whose last accuracy is 67.1% on 720 rows, with labels at the hub."""
    summary = summarise(hand.ledger)
    labels = AnswerLabels(count=9, commonest=commonest)
    return replace(summary, rounds=tuple(replace(round, labels=labels) for round in summary.rounds))


def test_the_labels_are_named_wherever_both_accuracies_are_shown(finished: Hand) -> None:
    summary = labelled(finished, 0.18)
    note = (
        "accuracy at the hub: a choice among 9 labels; always answering with the most common one gives 18.0%. At a "
        "participant: a choice among the labels of its own rows only. Do not compare the two"
    )
    assert labels_note(summary) == note
    assert note in first_lines(summary)
    assert note[1:] in model_card(summary, summary.rounds[-1], "adapter")
    assert "base model. Accuracy at the hub: a choice among 9 labels" in report(summary, None)
    assert labels_note(summarise(finished.ledger)) == ""


@pytest.mark.parametrize(
    ("commonest", "warned"), [(0.64, ""), (0.66, "hardly better"), (0.671, "not better"), (0.7, "not better")]
)
def test_an_accuracy_of_one_answer_for_all_rows_is_a_warning(finished: Hand, commonest: float, warned: str) -> None:
    summary = labelled(finished, commonest)
    warning = guess_warning(summary)
    assert warned in warning
    assert bool(warning) == bool(warned)
    assert ("`rounds.count: 3` may be too few: under another `metadata.name`, train" in warning) == bool(warned)
    lines = result_lines(run_result(summary, None, Path("/runs/adapter")))
    assert (f"warning: {warning}" in lines) == bool(warned)
    card = model_card(summary, summary.round(3), "adapter")
    assert ("\n\n- **Accuracy 67.1% is" in card.partition("## Limitations")[2]) == bool(warned)
    assert "rounds.count" not in card
    assert ("always the same answer" in report(summary, None)) == bool(warned)
    assert guess_warning(replace(summary, phase="Running")) == ""


def test_a_loss_that_rose_does_not_ask_for_a_higher_learning_rate(finished: Hand) -> None:
    summary = labelled(finished, 0.7)
    assert "try a higher learning rate" in guess_warning(summary)
    first, *others = summary.rounds
    rounds = (replace(first, metrics={**first.metrics, "loss": 0.01}), *others)
    said = guess_warning(replace(summary, rounds=rounds))
    assert "higher" not in said
    assert ", and loss rose from 0.01" in said
    assert said.endswith(
        "A learning rate is probably too high: under another `metadata.name`, try a lower `training.learningRate`"
    )


def test_rows_of_the_hub_that_change_during_the_run_are_a_warning(finished: Hand) -> None:
    summary = summarise(finished.ledger)
    a, b = (f"blake3:{letter * 64}" for letter in "ab")

    def with_rows(*digests: str | None) -> RunSummary:
        rounds = zip(summary.rounds, digests, strict=True)
        return replace(summary, rounds=tuple(replace(round, rows=digest) for round, digest in rounds))

    changed = with_rows(a, None, b, b)
    text = (
        "the hub's held-out rows changed before round 2: do not compare the metrics of earlier rounds with those of "
        "later ones"
    )
    assert changed_rows_text(changed) == text
    assert text in first_lines(changed)
    assert f"warning: {text}" in result_lines(run_result(changed, None, Path("/runs/adapter")))
    assert "held-out rows changed before round 2" in report(changed, None)
    assert f"T{text[1:]}." in model_card(changed, changed.round(3), "adapter")
    assert "rows changed" not in model_card(changed, changed.round(1), "adapter"), "the change came later"
    for same in (with_rows(a, a, a, a), with_rows(None, None, None, None), with_rows(None, None, a, a)):
        assert changed_rows_text(same) == ""
    assert "round 1, round 2 and round 3:" in changed_rows_text(with_rows(a, b, a, b))
