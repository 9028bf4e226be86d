"""The end of `fedtrain run`: result, adapter and next commands."""

from dataclasses import replace
from pathlib import Path

from comparisons import keep_comparison

from fedtrain.contracts.as_json import as_json
from fedtrain.results.curve import curve
from fedtrain.results.report.content import tiles
from fedtrain.results.run_result import next_commands, result_lines, run_result
from fedtrain.results.summary import summarise
from fedtrain.rounds.spent_epsilon import PrivacyLoss
from tests.support.ledger_by_hand import Hand
from tests.support.outputs import check_output


def test_the_result_has_the_gain_and_the_adapter(finished: Hand) -> None:
    result = run_result(summarise(finished.ledger), None, Path("/runs/adapter"))
    assert result_lines(result) == [
        "quickstart: succeeded after 3 rounds in 60 s",
        "accuracy: 12.6% → 67.1% (higher is better)",
        "adapter: /runs/adapter",
    ]
    commands = [command for command, _ in next_commands(result, Path("my file.yaml"))]
    assert commands[:3] == [
        "fedtrain report 'my file.yaml'",
        "fedtrain try 'my file.yaml'",
        "fedtrain baseline 'my file.yaml'",
    ]


def test_an_earlier_round_that_was_better_is_named_and_offered(best_earlier: Hand) -> None:
    result = run_result(summarise(best_earlier.ledger), None, Path("/runs/adapter"))
    assert "accuracy: 12.6% → 55.5%, best 67.1% in round 2 (higher is better)" in result_lines(result)
    commands = dict(next_commands(result, Path("my file.yaml")))
    assert commands["fedtrain export 'my file.yaml' --round best"] == "the adapter after round 2"
    check_output("run", {"type": "Result", "time": 1.0, **as_json(result)})


def test_the_adapter_of_round_0_is_not_offered(best_earlier: Hand) -> None:
    result = replace(run_result(summarise(best_earlier.ledger), None, Path("/runs/adapter")), best_round=0)
    assert not [command for command, _ in next_commands(result, Path("f.yaml")) if "--round best" in command]


def test_an_earlier_round_that_was_not_better_is_not_offered(finished: Hand) -> None:
    result = run_result(summarise(finished.ledger), None, Path("/runs/adapter"))
    equal = replace(result, best=result.final, best_round=1)
    assert result_lines(equal) == result_lines(result)
    assert next_commands(equal, Path("f.yaml")) == next_commands(result, Path("f.yaml"))


def test_the_result_has_the_best_participant_alone_once_it_was_measured(finished: Hand) -> None:
    result = run_result(summarise(finished.ledger), keep_comparison(finished.ledger), Path("/runs/adapter"))
    assert "best participant alone: 53.5% (museum)" in result_lines(result)
    check_output("run", {"type": "Result", "time": 1.0, **as_json(result)})
    assert not any("baseline" in command for command, _ in next_commands(result, Path("federation.yaml")))


def test_a_private_run_ends_with_its_epsilon_and_the_terms(finished: Hand) -> None:
    loss = PrivacyLoss(7.98, 8.0, 1e-5, "exact Gaussian", True, "Participant", "update zeroed", "hub trusted")
    result = run_result(replace(summarise(finished.ledger), privacy=loss), None, Path("/runs/adapter"))
    assert f"privacy: {loss.text}" in result_lines(result)
    assert loss.text.startswith("epsilon 7.98 of 8 at delta 1e-05; ")


def test_a_difference_from_the_best_alone_that_may_be_chance_says_so(finished: Hand) -> None:
    summary, comparison = summarise(finished.ledger), keep_comparison(finished.ledger)
    few = replace(summary, rounds=tuple(replace(round, samples=60) for round in summary.rounds))
    result = run_result(few, comparison, Path("/runs/adapter"))
    note = "may be chance, as the standard error of a difference is 8.8 points on 60 rows"
    assert f"best participant alone: 53.5% (museum); the difference {note}" in result_lines(result)
    check_output("run", {"type": "Result", "time": 1.0, **as_json(result)})
    assert ("×1.25", "the best alone, may be chance") in tiles(few, curve(few), comparison)
    assert ("×1.25", "the best alone") in tiles(summary, curve(summary), comparison)
