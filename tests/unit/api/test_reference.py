from pathlib import Path

import pytest

from fedtrain.api.base import Block
from fedtrain.api.crd.kinds import KINDS as CLUSTER_KINDS
from fedtrain.api.reference import KINDS, descriptions, render
from fedtrain.api.shapes import block_of, fields_of

REFERENCE = Path(__file__).parents[3] / "docs/reference.md"


def blocks(block: type[Block]) -> set[type[Block]]:
    inner = {child for field in fields_of(block).values() if (child := block_of(field.shape))}
    return inner.union(*map(blocks, inner))


def test_the_reference_is_what_the_models_say():
    stale = "docs/reference.md is stale: run `python -m fedtrain.api.reference`"
    assert REFERENCE.read_text(encoding="utf-8") == render(), stale


def by_name(block: type[Block]) -> str:
    return block.__name__


PARTS = (part for kind in CLUSTER_KINDS for part in (kind.spec, kind.status) if part)
DESCRIBED = {*(kind for kind, _ in KINDS), *PARTS}


@pytest.mark.parametrize("block", sorted(set().union(*map(blocks, DESCRIBED)), key=by_name), ids=by_name)
def test_every_field_has_a_description(block: type[Block]):
    assert set(descriptions(block)) == set(block.model_fields)
    assert block.__doc__
    assert block.__doc__ != Block.__doc__
