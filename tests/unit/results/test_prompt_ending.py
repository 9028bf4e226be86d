"""The end of most prompts of the training rows, as `fedtrain try` names it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from fedtrain.api.reading import read_file
from fedtrain.cli.main import main
from fedtrain.contracts.record_fields import Digest
from fedtrain.data.reader import read_rows
from fedtrain.data.row import digest_in_any_order
from fedtrain.results.prompt_ending import common_end, common_line
from fedtrain.results.run_result import export_newest
from tests.support.command_line import fedtrain
from tests.support.ledger_by_hand import WHO, Hand

FILE = """\
apiVersion: fedtrain.dev/v1alpha1
kind: FederatedTraining
metadata: {name: quickstart}
spec:
  model: {base: ./base}
  data: {dataset: glosses, format: PromptCompletion}
  participants: [{name: museum}, {name: observatory}, {name: zoo}]
  rounds: {count: 3}
  training: {length: {type: Steps, steps: 25}}
  storage: {type: File, file: {path: ./runs}}
"""
POLICY = """\
---
{{apiVersion: fedtrain.dev/v1alpha1, kind: ParticipantPolicy, metadata: {{name: {who}}},
  spec: {{datasets: [{{name: glosses, uri: ./{who}.jsonl}}]}}}}
"""


@pytest.mark.parametrize(
    ("prompts", "expected"),
    [
        (["a cat.\n### Answer:\n", "a dog.\n### Answer:\n", "rain.\n### Answer:\n", "snow"], "\n### Answer:\n"),
        (["a cat ->", "a dog ->", "rain ->"], " ->"),
        (["a cat?", "a dog?", "rain?"], None),
        (["a cat", "rain", "snow"], None),
        (["a cat\n", "a dog\n", "rain\n"], "\n"),
        (["one\n"], None),
    ],
)
def test_the_end_is_what_most_prompts_have(prompts: list[str], expected: str | None) -> None:
    assert common_end(prompts) == expected


def test_texts_have_the_last_line_that_most_have_before_their_end() -> None:
    texts = [f"### Question:\n{word}?\n### Answer:\n{word}!" for word in ("cat", "dog", "rain")]
    assert common_line(texts) == "\n### Answer:\n"
    assert common_line(["cat", "dog", "rain\nsnow"]) is None


def federation(runs: Path, ending: str) -> None:
    (runs.parent / "federation.yaml").write_text(FILE + "".join(POLICY.format(who=who) for who in WHO))
    for who in WHO:
        rows = [{"prompt": f"{who} {number}{ending}", "completion": "w1"} for number in range(20)]
        (runs.parent / f"{who}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def asked(run: Path, prompt: str) -> str:
    result = CliRunner().invoke(main, ["try", str(run), prompt, "--max-tokens", "2"], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.stderr


def test_a_prompt_without_the_separator_of_the_rows_is_told_it(trained: Hand, runs: Path) -> None:
    federation(runs, "\n### Answer:\n")
    advice = "note: End each prompt with `\\n### Answer:\\n`, as most training rows do.\n"
    run = runs / "default/quickstart"
    assert advice in asked(run, "w3 w4")
    assert advice in asked(runs.parent / "federation.yaml", "w3 w4")
    assert advice not in asked(run, r"w3 w4\n### Answer:\n")
    written = CliRunner().invoke(main, ["try", str(run), "--max-tokens", "2"], input="w3\n", env={"COLUMNS": "200"})
    assert "\nEnd each prompt with `\\n### Answer:\\n`, as most training rows do.\n" in written.stderr
    (runs.parent / "museum.jsonl").unlink()
    assert advice in asked(run, "w3 w4"), "the others have it"
    for who in WHO[1:]:
        (runs.parent / f"{who}.jsonl").unlink()
    assert "End each prompt" not in asked(run, "w3 w4")


def hub_rows(runs: Path, ending: str, rows: int = 20) -> Digest:
    """Write the hub's evaluation data and return the digest that evaluations record of them."""
    file = runs.parent / "test.jsonl"
    file.write_text("".join(f"{json.dumps({'prompt': f'w{n}{ending}', 'completion': 'w1'})}\n" for n in range(rows)))
    return digest_in_any_order(read_rows(str(file), "PromptCompletion"))


def card(run: Path) -> str:
    result = fedtrain("export", run, "--out", run.parent / "adapter")
    assert result.exit_code == 0, result.output
    return (run.parent / "adapter/README.md").read_text()


def test_the_model_card_has_the_end_of_the_prompts_that_the_hub_evaluated(hand: Hand, runs: Path) -> None:
    federation(runs, "\n### Secret of museum:\n")
    hand.held_out = hub_rows(runs, "\nDepartment:")
    hand.begin()
    run, words = runs / "default/quickstart", 'End each prompt with `"\\nDepartment:"`'
    file = read_file(runs.parent / "federation.yaml", elsewhere=True, judged=False)
    for named in (run, runs.parent / "federation.yaml"):
        exported = fedtrain("export", named, "--out", runs.parent / "adapter")
        assert exported.exit_code == 0, exported.output
        text = (runs.parent / "adapter/README.md").read_text()
        assert words in text
        assert 'tokenizer("A prompt\\nDepartment:", ' in text
        assert "museum:" not in text
    assert words in (export_newest(hand.ledger, file) / "README.md").read_text()


def test_the_model_card_has_nothing_of_rows_that_the_hub_did_not_evaluate(hand: Hand, runs: Path) -> None:
    federation(runs, "\n### Secret of museum:\n")
    hand.held_out = hub_rows(runs, "\nDepartment:")
    hand.begin()
    run, today = runs / "default/quickstart", "written as in the training rows; the model continues them."
    (runs.parent / "museum.jsonl").replace(runs.parent / "test.jsonl")
    assert today in card(run), "other rows took the place of the hub's"
    assert "Secret" not in card(run)
    (runs.parent / "test.jsonl").write_text("no row")
    assert today in card(run)
    (runs.parent / "test.jsonl").unlink()
    assert today in card(run)


@pytest.mark.parametrize("held_out", [True, False])
def test_the_model_card_of_prompts_without_a_known_end_keeps_its_words(hand: Hand, runs: Path, held_out: bool) -> None:
    federation(runs, "\n### Secret of museum:\n")
    digest = hub_rows(runs, "" if held_out else "\nDepartment:")
    hand.held_out = digest if held_out else None  # earlier versions recorded none
    hand.begin()
    assert "written as in the training rows; the model continues them." in card(runs / "default/quickstart")


def test_a_prompt_that_fills_the_hubs_data_is_not_an_ending(hand: Hand, runs: Path) -> None:
    federation(runs, "\n### Secret of museum:\n")
    file = runs.parent / "test.jsonl"
    same, others = {"prompt": "who has the badge 4711", "completion": "w1"}, ("w1", "w2", "w3")
    rows = [same] * 20 + [{"prompt": other, "completion": "w1"} for other in others]
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    hand.held_out = digest_in_any_order(read_rows(str(file), "PromptCompletion"))
    hand.begin()
    assert "4711" not in card(runs / "default/quickstart")
