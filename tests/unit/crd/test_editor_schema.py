"""The JSON schema for editors accepts what `fedtrain validate` accepts."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from fedtrain.api.crd.editor_schema import FILE_NAME, editor_schema, render_editor_schema
from fedtrain.cli.main import main

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted(ROOT.glob("examples/*/federation.yaml"))


def errors(document: Any) -> list[str]:
    checker = jsonschema.Draft202012Validator(editor_schema())
    return [error.message for error in checker.iter_errors(document)]


def documents(file: Path) -> list[Any]:
    return list(YAML(typ="safe").load_all(file.read_text()))


def test_the_published_file_is_what_the_models_say() -> None:
    published = (ROOT / "schemas" / FILE_NAME).read_text(encoding="utf-8")
    assert published == render_editor_schema(), "stale: run `python -m fedtrain.api.crd`"


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.parent.name)
def test_examples_fit_and_name_the_schema(file: Path) -> None:
    assert [errors(document) for document in documents(file)] == [[]] * len(documents(file))
    (line,) = (line for line in file.read_text().splitlines() if "yaml-language-server" in line)
    place = line.partition("$schema=")[2]
    assert (file.parent / place).resolve() == ROOT / "schemas" / FILE_NAME


def test_init_writes_a_file_that_fits_and_the_schema_beside_it(tmp_path: Path) -> None:
    assert CliRunner().invoke(main, ["init", str(tmp_path)]).exit_code == 0
    assert f"# yaml-language-server: $schema={FILE_NAME}" in (tmp_path / "federation.yaml").read_text()
    assert (tmp_path / FILE_NAME).read_text() == render_editor_schema()
    assert [errors(document) for document in documents(tmp_path / "federation.yaml")] == [[], [], []]


def test_unknown_fields_and_values_are_errors() -> None:
    training, policy = documents(EXAMPLES[0])[:2]
    training["spec"]["rounds"]["cuont"] = 3
    assert any("'cuont' was unexpected" in message for message in errors(training))
    del training["spec"]["rounds"]["cuont"]
    training["spec"]["data"]["format"] = "Chat"
    assert any("'Chat' is not one of" in message for message in errors(training))
    policy["kind"] = "Pod"
    assert any("'Pod' is not one of" in message for message in errors(policy))
