"""What federating bought, in numbers and in words."""

from dataclasses import replace

import pytest
from comparisons import arms, keep_comparison

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts.as_json import as_json
from fedtrain.contracts.headline_metric import Measure
from fedtrain.results.baseline_tables import comparison_table, headline_text, personal_table, personal_tables
from fedtrain.results.comparison import Arm, Comparison, read_comparison
from fedtrain.results.curve import sentence
from fedtrain.results.report import report
from fedtrain.results.summary import summarise
from tests.support.ledger_by_hand import SPEC, Hand
from tests.support.outputs import check_output

ACCURACY, LOSS = Measure("accuracy", share=True), Measure("loss", share=False)
SPECIFICATION = FederatedTrainingSpec.model_validate(SPEC)


def test_the_best_alone_is_the_one_with_the_best_metric_whichever_way_is_better() -> None:
    one = Arm("Alone", "a", hub={"accuracy": 0.5, "loss": 2.0})
    other = Arm("Alone", "b", hub={"accuracy": 0.4, "loss": 1.5})
    found = Comparison("r", "a", (one, other))
    assert found.best_alone(ACCURACY) is one
    assert found.best_alone(LOSS) is other


def test_factors_are_above_one_when_federated_is_better() -> None:
    comparison = Comparison("r", "a", arms())
    assert comparison.times_best_alone(ACCURACY) == pytest.approx(0.671 / 0.535)
    assert comparison.times_best_alone(LOSS) == pytest.approx(1.9 / 1.658)


def test_the_share_of_what_pooling_gains_counts_from_the_base() -> None:
    comparison = Comparison("r", "a", arms())
    assert comparison.share_of_pooled_gain(ACCURACY) == pytest.approx((0.671 - 0.126) / (0.738 - 0.126))
    assert Comparison("r", "a", arms(pooled=False)).share_of_pooled_gain(ACCURACY) is None
    worse = tuple(arm if arm.kind != "Federated" else Arm("Federated", hub={"accuracy": 0.1}) for arm in arms())
    assert Comparison("r", "a", worse).share_of_pooled_gain(ACCURACY) is None, "less than the base"


def test_the_output_for_programs_fits_the_published_schema() -> None:
    personal = Arm("Personalised", "zoo", "default/personal-zoo", own={"zoo": {"accuracy": 0.7}})
    check_output("baseline", as_json(Comparison("r", "a", (*arms(), personal))))


def test_without_a_hub_the_mean_over_validation_splits_counts() -> None:
    arm = Arm("Alone", "zoo", own={"zoo": {"loss": 1.0}, "museum": {"loss": 3.0}})
    assert arm.value(LOSS) == 2.0
    assert arm.value(ACCURACY) is None


def test_it_is_read_back_as_it_was_written(finished: Hand) -> None:
    comparison = keep_comparison(finished.ledger)
    assert read_comparison(finished.ledger, comparison.run_id, comparison.adapter) == comparison


def test_one_of_another_adapter_is_not_shown(finished: Hand) -> None:
    comparison = keep_comparison(finished.ledger)
    assert read_comparison(finished.ledger, comparison.run_id, "blake3:" + "0" * 64) is None


@pytest.mark.parametrize("content", [b"", b"[]", b'{"runId": "RUN", "adapter": "A"}', b'{"arms": [3, {"kind": "No"}]}'])
def test_a_damaged_one_is_as_none_at_all(finished: Hand, content: bytes) -> None:
    finished.ledger.put_telemetry("baseline.json", content.replace(b"RUN", b"r").replace(b"A", b"a"))
    found = read_comparison(finished.ledger, "r", "a")
    assert found is None or found.arms == ()


def test_the_headline_says_who_was_beaten_and_by_how_much() -> None:
    text = headline_text(Comparison("r", "a", arms()), SPECIFICATION)
    assert text.startswith("federated beats the best participant alone (museum) by x1.25 on accuracy: 67.1% to 53.5%")
    assert text.endswith("keeps 89% of what pooling all data gains over the base")


def test_the_headline_is_honest_when_federating_did_not_help() -> None:
    worse = tuple(arm if arm.kind != "Federated" else Arm("Federated", hub={"accuracy": 0.5}) for arm in arms())
    text = headline_text(Comparison("r", "a", worse), SPECIFICATION)
    assert text == "federated does not beat the best participant alone (museum) on accuracy: 50.0% to 53.5%"
    assert headline_text(Comparison("r", "a", worse), SPECIFICATION, 720) == (
        "federated does not beat the best participant alone (museum) on accuracy: 50.0% to 53.5% (may be chance, as "
        "the standard error of a difference is 2.6 points on 720 rows)"
    )
    assert headline_text(Comparison("r", "a", worse), SPECIFICATION, 7200) == text


def test_the_headline_names_a_metric_that_disagrees() -> None:
    hub = {"accuracy": 0.5, "loss": 1.2}
    mixed = tuple(arm if arm.kind != "Federated" else Arm("Federated", hub=hub) for arm in arms())
    text = headline_text(Comparison("r", "a", mixed), SPECIFICATION)
    assert text.endswith("on accuracy: 50.0% to 53.5%; on loss it does: 1.200 to 1.900 (museum)")


def test_the_headline_calls_values_that_read_the_same_equal() -> None:
    same = tuple(arm if arm.kind != "Federated" else Arm("Federated", hub={"accuracy": 0.53501}) for arm in arms())
    text = headline_text(Comparison("r", "a", same), SPECIFICATION)
    assert text == "federated equals the best participant alone (museum) on accuracy: both 53.5%"


@pytest.mark.parametrize(
    ("hub", "said"),
    [
        ({"accuracy": 0.5}, "is worse than what the best participant reaches alone (museum, 53.5%), and 61% of what"),
        ({"accuracy": 0.1}, "is worse than what the best participant reaches alone (museum, 53.5%)."),
        ({"accuracy": 0.53501}, "equals what the best participant reaches alone (museum, 53.5%), and 67% of what"),
        ({"accuracy": 0.6}, "is 1.12 times what the best participant reaches alone (museum, 53.5%), and 77% of what"),
    ],
)
def test_the_reports_headline_does_not_praise_a_worse_result(finished: Hand, hub: dict[str, float], said: str) -> None:
    summary = summarise(finished.ledger)
    summary = replace(summary, rounds=tuple(replace(one, samples=None) for one in summary.rounds))
    found = Comparison("r", "a", tuple(replace(arm, hub=hub) if arm.kind == "Federated" else arm for arm in arms()))
    assert f" That {said}" in sentence(summary, found)


def test_a_worse_loss_is_not_times_better(hand: Hand) -> None:
    metrics = [{"name": "loss", "type": "Loss"}]
    hand.spec = {**SPEC, "evaluation": {"hub": {"data": {"uri": "./test.jsonl"}, "metrics": metrics}}}
    hand.begin()
    hand.whole_round(1)
    found = tuple(replace(arm, hub={"loss": 2.8}) if arm.kind == "Federated" else arm for arm in arms())
    assert sentence(summarise(hand.ledger), Comparison("r", "a", found)).endswith(
        " That is worse than what the best participant reaches alone (museum, 1.900)."
    )


def test_the_table_has_a_row_an_adapter_and_a_column_a_split() -> None:
    table = comparison_table(Comparison("r", "a", arms()), SPECIFICATION)
    assert [row[0] for row in table.rows] == [
        "base",
        "museum alone",
        "observatory alone",
        "zoo alone",
        "federated",
        "pooled",
    ]
    assert table.head[4:] == ("museum accuracy", "observatory accuracy", "zoo accuracy")
    assert table.rows[4] == ("federated", "225", "1.658", "67.1%", "72.0%", "77.0%", "69.0%")


def test_the_steps_of_all_participants_are_said_to_be_a_sum(finished: Hand) -> None:
    comparison, spec = Comparison("r", "a", arms()), SPECIFICATION
    said = "steps: summed over the participants; each trains as many alone as in the federated run."
    assert comparison_table(comparison, spec).legend == said
    assert said in report(summarise(finished.ledger), comparison)


def test_personalised_adapters_are_beside_alone_and_federated_on_each_split(finished: Hand) -> None:
    spec = summarise(finished.ledger).spec
    assert personal_table(Comparison("r", "a", arms()), spec) is None
    personal = tuple(
        Arm("Personalised", who, steps=25, own={who: {"accuracy": 0.8 + len(who) / 100}}) for who in ("museum", "zoo")
    )
    table = personal_table(Comparison("r", "a", arms() + personal), spec)
    assert table is not None
    assert table.title == "accuracy on each participant's own validation split (higher is better)"
    assert table.head == ("participant", "base", "alone", "federated", "personalised")
    assert table.rows == (
        ("museum", "16.0%", "59.5%", "72.0%", "86.0%"),
        ("zoo", "13.0%", "53.1%", "69.0%", "83.0%"),
    )
    shown = report(summarise(finished.ledger), Comparison("r", "a", arms() + personal))
    assert "Personalised adapters" in shown


def test_a_participant_sees_each_metric_that_it_measures() -> None:
    metrics = [{"name": "loss", "type": "Loss"}, {"name": "accuracy", "type": "Choices"}]
    evaluation = {**SPEC["evaluation"], "participants": {"metrics": metrics}}
    spec = FederatedTrainingSpec.model_validate({**SPEC, "evaluation": evaluation})
    personal = Arm("Personalised", "zoo", own={"zoo": {"accuracy": 0.8, "loss": 0.453}})
    tables = personal_tables(Comparison("r", "a", (personal,)), spec)
    assert [table.title.split()[0] for table in tables] == ["accuracy", "loss"]
    assert [table.rows[0][-1] for table in tables] == ["80.0%", "0.453"]
