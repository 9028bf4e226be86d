"""`fedtrain split` with a file for each participant."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from test_split import ROWS, done, rows_of, split, written

from fedtrain.api.reading import read_file
from fedtrain.cli.main import main


def files(folder: Path) -> list[Path]:
    return [
        written(folder / "Köln.jsonl", ROWS[:20]),
        written(folder / "aachen.jsonl", ROWS[20:30]),
        written(folder / "bonn.v2.jsonl", ROWS[30:]),
    ]


def test_each_file_is_a_participant_and_the_hub_gets_rows_of_all(tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = done(
        *files(tmp_path), "--test-fraction", "0.1", "--label", "completion", "--base", "s3://bucket/m", "--out", out
    )
    made = rows_of(out)
    assert {name: len(rows) for name, rows in made.items()} == {"koeln": 18, "aachen": 9, "bonn": 9, "test": 4}
    assert "yes 12" in result.stdout
    sources = {"koeln": ROWS[:20], "aachen": ROWS[20:30], "bonn": ROWS[30:]}
    for name, rows in sources.items():
        kept = {json.dumps(row) for row in made[name]}
        held = {json.dumps(row) for row in made["test"]} & {json.dumps(row) for row in rows}
        assert kept | held == {json.dumps(row) for row in rows}
        assert len(held) == len(rows) // 10
    federation = read_file(out / "federation.yaml")
    assert [one.name for one in federation.training.spec.participants] == ["koeln", "aachen", "bonn"]


def test_refuse_options_that_deal_out_one_file(tmp_path: Path) -> None:
    result = split(*files(tmp_path), "--participants", "3", "--out", tmp_path / "out")
    assert result.exit_code != 0
    assert "--participants divides the rows of one file, but 3 files are given" in result.stderr


def test_refuse_two_files_with_one_name(tmp_path: Path) -> None:
    one, other, _ = files(tmp_path)
    (tmp_path / "b").mkdir()
    twin = written(tmp_path / "b/aachen.jsonl", ROWS)
    assert "are both for a participant named 'aachen'" in split(other, twin, "--out", tmp_path / "out").stderr
    assert "is listed twice" in split(one, one, "--out", tmp_path / "out").stderr


PROMPT = {"prompt": "q", "completion": " a"}
INSTRUCTION = {"instruction": "q", "output": "a"}
MESSAGES = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
SHAREGPT = {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}
TEXT = {"text": "q a"}


@pytest.mark.parametrize(
    ("rows", "target", "rewritten"),
    [
        ((PROMPT, INSTRUCTION), "PromptCompletion", [1]),
        ((INSTRUCTION, PROMPT), "PromptCompletion", [0]),
        ((PROMPT, MESSAGES, PROMPT), "Messages", [0, 2]),
        ((SHAREGPT, INSTRUCTION), "Messages", [0, 1]),
        ((INSTRUCTION, INSTRUCTION, SHAREGPT, PROMPT), "Messages", [0, 1, 2, 3]),
    ],
)
def test_files_of_several_formats_are_answered_with_conversions_to_one(
    tmp_path: Path, rows: tuple[dict[str, Any], ...], target: str, rewritten: list[int]
) -> None:
    (tmp_path / "a b").mkdir()
    paths = [written(tmp_path / f"a b/site{at}.jsonl", [row] * 4) for at, row in enumerate(rows)]
    refused = split(*paths, "--out", tmp_path / "out")
    assert refused.exit_code == 1
    commands = re.findall("`([^`]+)`", refused.stderr.partition("hint:")[2])
    assert len(commands) == len(rewritten)
    for at, command in zip(rewritten, commands, strict=True):
        words = shlex.split(command)
        assert words[:5] == ["fedtrain", "convert", str(paths[at]), "--to", target]
        assert CliRunner().invoke(main, words[1:]).exit_code == 0
        paths[at] = Path(words[-1])
    assert f"participants, format {target}\n" in done(*paths, "--out", tmp_path / "out").stdout


def test_files_of_formats_without_a_conversion_to_one(tmp_path: Path) -> None:
    one, other = written(tmp_path / "a.jsonl", [PROMPT]), written(tmp_path / "b.jsonl", [TEXT])
    refused = split(one, other, "--out", tmp_path / "out")
    assert f"{one} has format PromptCompletion, and {other} has Text" in refused.stderr
    assert "hint: Write the rows of all files in one format" in refused.stderr
    assert "fedtrain convert" not in refused.stderr
