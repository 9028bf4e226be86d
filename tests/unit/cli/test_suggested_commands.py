"""Commands that messages suggest can be copied, also if a path has a blank."""

import json
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from fedtrain.cli.main import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "my data"
    made.mkdir()
    rows = [{"prompt": f"q{number}:", "completion": " a"} for number in range(4)]
    (made / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (made / "faq.csv").write_text("question,answer\nq,a\n")
    (made / "latin.csv").write_bytes("prompt,completion\nä,b\n".encode("cp1252"))
    return made


@pytest.mark.parametrize(
    ("command", "suggested"),
    [
        (("init", "DIR/new"), ["fedtrain validate DIR/new/federation.yaml", "fedtrain run DIR/new/federation.yaml"]),
        (("split", "DIR/rows.jsonl", "--participants", "2", "--out", "DIR/a"), ["fedtrain run DIR/a/federation.yaml"]),
        (("split", "DIR/faq.csv", "--participants", "2", "--out", "DIR/a"), ["fedtrain convert DIR/faq.csv"]),
        (
            ("convert", "DIR/rows.jsonl", "-o", "DIR/out.jsonl", "--to", "Messages"),
            ["fedtrain split DIR/out.jsonl --participants 4 --base BASE --out DIR/my-federation"],
        ),
        (
            ("convert", "DIR/latin.csv", "-o", "DIR/out.jsonl"),
            ["fedtrain convert DIR/latin.csv --encoding cp1252 -o DIR/out.jsonl"],
        ),
    ],
)
def test_paths_are_quoted(folder: Path, command: tuple[str, ...], suggested: list[str]) -> None:
    result = CliRunner().invoke(main, [word.replace("DIR", str(folder)) for word in command])
    shown = " ".join(result.output.split())
    for line in suggested:
        quoted = shlex.join(word.replace("DIR", str(folder)) for word in line.split())
        assert quoted in shown
