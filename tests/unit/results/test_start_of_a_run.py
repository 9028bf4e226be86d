"""Round 0 is the base model, or the adapter that `initialFrom` names: results say which."""

from typing import Any

import pytest

from fedtrain.results.baseline_tables import comparison_table, headline_text, personal_table
from fedtrain.results.comparison import Arm, Comparison
from fedtrain.results.model_card import model_card
from fedtrain.results.report import report
from fedtrain.results.samples import Sample, as_text
from fedtrain.results.summary import summarise
from tests.support.ledger_by_hand import RUN_ID, SPEC, Hand

DIGEST = "blake3:" + "7" * 64
MODEL: dict[str, Any] = {
    "base": "./base",
    "adapter": {"rank": 2, "alpha": 4.0, "initialFrom": {"uri": "./first-adapter", "digest": DIGEST}},
}


@pytest.fixture
def continued(hand: Hand) -> Hand:
    """A run that starts from the adapter of another one."""
    hand.spec = {**SPEC, "model": MODEL}
    hand.begin()
    hand.whole_round(1)
    return hand


def test_the_report_names_the_initial_adapter(continued: Hand) -> None:
    html = report(summarise(continued.ledger), None, samples=[Sample("q", "a", ((0, "b"), (1, "c")))])
    assert "; the initial adapter has 12.6%" in html
    assert "Round 0 is the initial adapter." in html
    assert "<th>initial</th><th>round 1</th>" in html
    assert DIGEST in html.partition("Configuration")[2].partition("The whole specification")[0]
    assert "base model has" not in html


def test_the_card_names_the_initial_adapter(continued: Hand) -> None:
    summary = summarise(continued.ledger)
    card = model_card(summary, summary.round(1), "adapter", merged=False)
    assert "Round 0 is the adapter before any training: the initial adapter.\n" in card.replace(" Metrics are", "\n")
    assert f"| initial adapter | `{DIGEST}` |" in card


def test_answers_and_comparison_name_the_initial_adapter(continued: Hand) -> None:
    spec = summarise(continued.ledger).spec
    assert "  initial  b\n  round 1  c" in as_text([Sample("q", "a", ((0, "b"), (1, "c")))], spec)
    values = {"zoo": {"accuracy": 0.5}}
    arms = (
        Arm("Base", hub={"accuracy": 0.1}, own=values),
        Arm("Alone", "zoo", hub={"accuracy": 0.2}, own=values),
        Arm("Federated", hub={"accuracy": 0.3}, own=values),
        Arm("Personalised", "zoo", own=values),
        Arm("Pooled", hub={"accuracy": 0.4}, own=values),
    )
    comparison = Comparison(RUN_ID, DIGEST, arms)
    assert [row[0] for row in comparison_table(comparison, spec).rows][:2] == ["initial", "zoo alone"]
    personal = personal_table(comparison, spec)
    assert personal is not None
    assert personal.head[:2] == ("participant", "initial")
    assert headline_text(comparison, spec).endswith("gains over the initial adapter")
