"""The published schemas of `-o json` and `--json` are those of the types that are printed. The tests of each command
check its output against them (`tests.support.outputs`)."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fedtrain.cli.commands import COMMANDS
from fedtrain.cli.main import main
from fedtrain.cli.output_schemas import FOLDER, OUTPUTS, render
from tests.support.outputs import check_output

ROOT = Path(__file__).parents[3]
KUBERNETES = {"render"}
"""Commands that print Kubernetes objects."""


def test_the_published_schemas_are_those_of_the_code() -> None:
    published = {file.name: file.read_text() for file in (ROOT / FOLDER).iterdir()}
    assert published == {f"{name}.schema.json": render(name) for name in OUTPUTS}, "run `make generated`"


@pytest.mark.parametrize("name", OUTPUTS)
def test_each_is_a_valid_schema(name: str) -> None:
    import json

    jsonschema.Draft202012Validator.check_schema(json.loads(render(name)))


def test_every_command_that_prints_json_has_a_schema() -> None:
    printing = {words for words, command in _commands(main) if _prints_json(command)}
    assert {name.replace("-", " ") for name in OUTPUTS} - {"samples"} == printing - KUBERNETES


def test_a_wrong_output_is_found() -> None:
    with pytest.raises(jsonschema.ValidationError):
        check_output("doctor", {"findings": [{"name": "a", "state": "Fine", "text": ""}]})
    with pytest.raises(jsonschema.ValidationError, match="unknown"):
        check_output("list", {"runs": [], "unknown": 1})


def _commands(group: Any, above: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name in COMMANDS if group is main else group.commands:
        command: Any = group.get_command(None, name)
        words = f"{above} {name}".strip()
        found += _commands(command, words) if hasattr(command, "commands") else [(words, command)]
    return found


def _prints_json(command: Any) -> bool:
    names = {option for parameter in command.params for option in parameter.opts}
    choices = [getattr(parameter.type, "choices", ()) for parameter in command.params]
    return "--json" in names or any("json" in one for one in choices)
