"""A kubectl that answers from a table, for the commands that use one."""

import base64
import json
import os
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from fedtrain.cli.main import main

KUBECTL = """#!/usr/bin/env python3
import json, pathlib, sys
folder = pathlib.Path(__file__).parent
words = [word for word in sys.argv[1:] if not word.startswith("-")]
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps([sys.argv[1:], sys.stdin.read()]) + "\\n")
answers = json.loads((folder / "answers.json").read_text())
keys = [" ".join(words[:count]) for count in (4, 3, 2)]
print(next((answers[key] for key in keys if key in answers), ""))
"""
CLUSTER = {"server": "https://hub.example.org:6443", "certificate-authority-data": base64.b64encode(b"PEM").decode()}
ANSWERS: dict[str, str] = {
    "config view": json.dumps({"clusters": [{"name": "hub", "cluster": CLUSTER}]}),
    "create token fedtrain-participant": "e30.e30.e30",
    "get clusterrole fedtrain-participant-namespace": "{}",
}


class Shell:
    """A kubectl that answers from a table and notes its calls."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        tool = folder / "kubectl"
        tool.write_text(KUBECTL)
        tool.chmod(0o755)
        self.answer({})

    def answer(self, more: dict[str, Any]) -> None:
        (self.folder / "answers.json").write_text(json.dumps(ANSWERS | {key: json.dumps(more[key]) for key in more}))

    def run(self, *arguments: str) -> Result:
        return self.run_any("participant", *arguments)

    def run_any(self, *arguments: str) -> Result:
        path = f"{self.folder}{os.pathsep}{os.environ['PATH']}"
        return CliRunner(env={"PATH": path}).invoke(main, arguments)

    @property
    def calls(self) -> list[tuple[list[str], str]]:
        return [(words, given) for words, given in map(json.loads, (self.folder / "calls").read_text().splitlines())]
