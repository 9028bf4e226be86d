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
from fedtrain.api.crd.rules import validations_of, validations_of_field
from fedtrain.api.crd.structural import schema
from fedtrain.api.crd.validation import Validation, message_expression
from fedtrain.api.rules import RULES
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
def test_rules_point_at_existing_fields(kind: Kind) -> None:
    paths = {path for path, _ in schemas(root(kind))}
    for path, made in schemas(root(kind)):
        for rule in made.get("x-kubernetes-validations", ()):
            assert f"{path}{rule.get('fieldPath', '')}".removeprefix(".") in paths
            assert rule["message"].endswith(".")


def test_every_rule_with_cel_is_in_a_schema() -> None:
    made = sum(
        len(validations_of(block)) + sum(len(validations_of_field(block, field)) for field in fields_of(block))
        for block in set().union(*(blocks(kind.model) for kind in KINDS))
    )
    assert made > sum(1 for rule in RULES if rule.cel)


def test_a_text_without_a_greatest_length_is_an_error_of_the_models() -> None:
    with pytest.raises(ValueError, match=r"words has no maximum length\. Add max_length to its type\."):
        schema(Free)


@pytest.mark.parametrize(
    ("message", "cel"),
    [
        ("{a}", "'%s'.format([self.a])"),
        ("{a} of {b}", "'%s of %s'.format([self.a, self.b])"),
        ("100% of {a}", "'100%% of %s'.format([self.a])"),
        ("it's \\d {a}", "'it\\'s \\\\d %s'.format([self.a])"),
    ],
)
def test_a_message_becomes_cel(message: str, cel: str) -> None:
    assert message_expression(message, {"a": "self.a", "b": "self.b"}) == cel


def test_a_validation_has_field_reason_and_a_message_without_values_as_a_fallback() -> None:
    one = Validation(
        valid="self.a > 0", field="a", message="a is {a}.", values={"a": "self.a"}, reason="FieldValueForbidden"
    )
    assert one.as_json() == {
        "rule": "self.a > 0",
        "message": "a is ....",
        "messageExpression": "'a is %s.'.format([self.a])",
        "fieldPath": ".a",
        "reason": "FieldValueForbidden",
    }


def test_a_description_is_given_once() -> None:
    for kind in KINDS:
        for path, made in schemas(root(kind)):
            items = made.get("items", {})
            assert "description" not in items, path


def test_the_participants_chart_has_the_kind_of_its_cluster() -> None:
    folder = CRDS.parent / "helm" / "fedtrain-participant" / "files" / "crds"
    (policy,) = (kind for kind in KINDS if kind.name == "ParticipantPolicy")
    assert [file.name for file in folder.iterdir()] == [file_name(policy)]
    assert (folder / file_name(policy)).read_text(encoding="utf-8") == render(policy)
