"""`fedtrain split` with a file for each participant."""

import json
from pathlib import Path

from test_split import ROWS, done, rows_of, split, written

from fedtrain.api.reading import read_file


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


def test_refuse_two_files_with_one_name_and_two_formats(tmp_path: Path) -> None:
    one, other, _ = files(tmp_path)
    (tmp_path / "b").mkdir()
    twin = written(tmp_path / "b/aachen.jsonl", ROWS)
    assert "are both for a participant named 'aachen'" in split(other, twin, "--out", tmp_path / "out").stderr
    assert "is listed twice" in split(one, one, "--out", tmp_path / "out").stderr
    text = written(tmp_path / "text.jsonl", [{"text": "a b"}])
    assert "fedtrain convert" in split(one, text, "--out", tmp_path / "out").stderr
