"""The end of most prompts of the training rows, as `fedtrain try` names it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from fedtrain.cli.main import main
from fedtrain.results.prompt_ending import common_end, common_line
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
