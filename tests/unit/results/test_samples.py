"""Answers that adapters generated for the hub's prompts, side by side."""

import json
from pathlib import Path

from click.testing import CliRunner

from fedtrain.cli.main import main
from fedtrain.contracts import names
from fedtrain.contracts.canonical import canonical
from fedtrain.contracts.generated_answers import Generated, GeneratedAnswer
from fedtrain.contracts.record_fields import Digest
from fedtrain.contracts.records import Evaluation
from fedtrain.ledger.verify import verify
from fedtrain.results.report import report, write_report
from fedtrain.results.samples import Sample, read_samples
from fedtrain.results.summary import summarise
from tests.support.ledger_by_hand import RUN_ID, SPEC, Hand
from tests.support.outputs import check_output


class Answering(Hand):
    """Every evaluation comes with answers."""

    def answers(self, round: int) -> tuple[GeneratedAnswer, ...]:
        text = f" guess {round}\n" + "x" * round if round else " \n"
        return (GeneratedAnswer(row=0, prompt="a <b> is a", expected=" plant", text=text),)

    def evaluation(self, round: int, k: int, adapter: Digest, accuracy: float | None = None) -> Evaluation:
        found = Generated(run_id=RUN_ID, adapter=adapter, answers=self.answers(round))
        blob = self.ledger.put_blob(canonical(found))
        record = Evaluation(
            run_id=RUN_ID, round=round, k=k, adapter=adapter, samples=9, metrics={"loss": 1.0}, generated=blob
        )
        return self.ledger.claim(names.evaluation(round, k), record)


class Changing(Answering):
    """The hub's rows change before round 2: another order, and one is new."""

    def answers(self, round: int) -> tuple[GeneratedAnswer, ...]:
        prompts = ("a rose", "a cat") if round < 2 else ("a new row", "a cat", "a rose")
        return tuple(
            GeneratedAnswer(row=row, prompt=prompt, expected="?", text=f"{prompt} in round {round}")
            for row, prompt in enumerate(prompts)
        )


def answering(hand: Hand, rounds: int, kind: type[Answering] = Answering) -> Hand:
    found = kind(hand.ledger, spec={**SPEC, "rounds": {"count": rounds}})
    found.begin()
    for round in range(1, rounds + 1):
        found.whole_round(round)
    return found


def test_base_last_round_and_some_between_are_side_by_side(hand: Hand, runs: Path) -> None:
    ledger = answering(hand, 4).ledger
    (sample,) = read_samples(ledger, summarise(ledger))
    assert (sample.prompt, sample.expected) == ("a <b> is a", " plant")
    assert [number for number, _ in sample.answers] == [0, 1, 2, 4]
    shown = CliRunner().invoke(main, ["status", str(runs / "default/quickstart"), "--samples"]).output
    printed = CliRunner().invoke(main, ["status", str(runs / "default/quickstart"), "--samples", "-o", "json"]).output
    check_output("samples", json.loads(printed))
    assert "   prompt  a <b> is a\n expected  plant\n     base  (empty)\n  round 1  guess 1 x\n" in shown
    html = write_report(ledger, runs / "report.html").read_text()
    assert "<td>a &lt;b&gt; is a</td><td>plant</td><td>(empty)</td>" in html
    assert "✓ " not in html.partition("<td>plant</td>")[2], "no answer equals the expected one"


def test_answers_stay_with_their_prompt_when_the_hubs_rows_change(hand: Hand, runs: Path) -> None:
    ledger = answering(hand, 2, Changing).ledger
    new, cat, rose = read_samples(ledger, summarise(ledger))
    assert new.answers == ((2, "a new row in round 2"),)
    assert cat.answers == tuple((round, f"a cat in round {round}") for round in range(3))
    assert rose.answers == tuple((round, f"a rose in round {round}") for round in range(3))
    html = write_report(ledger, runs / "report.html").read_text()
    assert "<th>base</th><th>round 1</th><th>round 2</th>" in html
    assert "<td>a new row</td><td>?</td><td>–</td><td>–</td><td>a new row in round 2</td>" in html


def test_an_answer_that_equals_the_expected_one_is_marked_without_colour_too(finished: Hand) -> None:
    sample = Sample("a rose is a", " plant", ((0, ""), (3, " plant ")))
    html = report(summarise(finished.ledger), None, samples=[sample])
    assert '<td>plant</td><td>(empty)</td><td class="good">✓ plant</td>' in html


def test_the_answers_are_part_of_what_is_verified(hand: Hand, runs: Path) -> None:
    ledger = answering(hand, 1).ledger
    blob = summarise(ledger).rounds[1].generated
    assert blob is not None
    (runs / "default/quickstart" / names.blob(blob)).unlink()
    assert f"{names.blob(blob)}" in {finding.name for finding in verify(ledger).findings}


def test_a_run_without_answers_says_how_to_get_them(finished: Hand, runs: Path) -> None:
    shown = CliRunner().invoke(main, ["status", str(runs / "default/quickstart"), "--samples"]).output
    assert "Set `evaluation.hub.samples`" in shown
