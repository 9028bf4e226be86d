"""crds/ is what the models say, in the form that an API server takes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field
from ruamel.yaml import YAML

from fedtrain.api.base import Block
from fedtrain.api.crd.document import definition, file_name, render
from fedtrain.api.crd.kinds import KINDS, Kind
from fedtrain.api.crd.rule import Rule, expression
from fedtrain.api.crd.rules import OF_BLOCKS
from fedtrain.api.crd.structural import schema
from fedtrain.api.rules.unions import UNIONS
from fedtrain.api.shapes import block_of, fields_of

CRDS = Path(__file__).parents[3] / "crds"
FORBIDDEN = {"$ref", "anyOf", "oneOf", "allOf", "not", "nullable", "pattern"}
SCALARS = {"string", "integer", "number", "boolean"}


class Free(Block):
    """A block that no schema can be made of."""

    words: Annotated[str, Field(min_length=1)]
    """Words without end."""


def by_name(kind: Kind) -> str:
    return kind.name


def root(kind: Kind) -> dict[str, Any]:
    (version,) = definition(kind)["spec"]["versions"]
    return version["schema"]["openAPIV3Schema"]


def schemas(made: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, made
    for name, inner in made.get("properties", {}).items():
        yield from schemas(inner, f"{path}.{name}".removeprefix("."))
    for part in ("items", "additionalProperties"):
        if part in made:
            yield from schemas(made[part], f"{path}[]")


def blocks(block: type[Block]) -> set[type[Block]]:
    inner = {child for field in fields_of(block).values() if (child := block_of(field.shape))}
    return {block}.union(*map(blocks, inner))


def test_the_files_are_what_the_models_say() -> None:
    files = {path.name: path.read_text(encoding="utf-8") for path in CRDS.iterdir()}
    assert files == {file_name(kind): render(kind) for kind in KINDS}, "stale: run `python -m fedtrain.api.crd`"


@pytest.mark.parametrize("kind", KINDS, ids=by_name)
def test_the_text_reads_back_as_the_definition(kind: Kind) -> None:
    assert YAML(typ="safe").load(render(kind)) == definition(kind)


@pytest.mark.parametrize("kind", KINDS, ids=by_name)
def test_every_text_list_and_map_is_bounded_and_everything_has_one_type(kind: Kind) -> None:
    for path, made in schemas(root(kind)):
        if path in ("apiVersion", "kind"):
            continue
        assert not FORBIDDEN & set(made), path
        match made["type"]:
            case "string":
                assert "maxLength" in made or "enum" in made, path
            case "array":
                assert "maxItems" in made, path
                assert "x-kubernetes-list-type" in made, path
            case "object":
                assert "properties" in made or "maxProperties" in made or path == "metadata", path
            case scalar:
                assert scalar in SCALARS, path


@pytest.mark.parametrize("kind", KINDS, ids=by_name)
def test_every_field_is_described(kind: Kind) -> None:
    undescribed = {path for path, made in schemas(root(kind)) if not made.get("description") and "[]" not in path}
    assert {path.partition(".")[0] for path in undescribed} <= {"apiVersion", "kind", "metadata"}


@pytest.mark.parametrize("kind", KINDS, ids=by_name)
def test_rules_point_at_fields_that_are_there(kind: Kind) -> None:
    paths = {path for path, _ in schemas(root(kind))}
    for path, made in schemas(root(kind)):
        for rule in made.get("x-kubernetes-validations", ()):
            assert f"{path}{rule.get('fieldPath', '')}".removeprefix(".") in paths
            assert rule["message"].endswith(".")


def test_every_table_of_rules_is_of_a_block_that_is_there() -> None:
    there = {block.__name__ for kind in KINDS for block in blocks(kind.model)}
    assert set(OF_BLOCKS) <= there
    assert {union.block for union in UNIONS} <= there


def test_a_text_without_a_greatest_length_is_an_error_of_the_models() -> None:
    with pytest.raises(ValueError, match="words has no greatest length: add max_length to its type"):
        schema(Free)


@pytest.mark.parametrize(
    ("says", "cel"),
    [
        ("plain", "'plain'"),
        ("{self.a}", "self.a"),
        ("{self.a} of {self.b}", "'%s of %s'.format([self.a, self.b])"),
        ("100% of {self.a}", "'100%% of %s'.format([self.a])"),
        ("it's \\d", "'it\\'s \\\\d'"),
    ],
)
def test_a_message_becomes_cel(says: str, cel: str) -> None:
    assert expression(says) == cel


def test_a_rule_says_its_field_its_reason_and_a_message_for_when_values_cannot_be_shown() -> None:
    rule = Rule(holds="self.a > 0", field="a", says="{self.a} is none.", reason="FieldValueForbidden")
    assert rule.as_json() == {
        "rule": "self.a > 0",
        "message": "... is none.",
        "messageExpression": "'%s is none.'.format([self.a])",
        "fieldPath": ".a",
        "reason": "FieldValueForbidden",
    }
