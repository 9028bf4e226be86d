"""The fields that are not the same in the files of several runs."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fedtrain.api.changeable_fields import may_change
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.ledger.run_claim import flat_spec


@dataclass(frozen=True)
class DifferentField:
    """A field of the spec that is not the same in all runs. `values`: JSON text by run; None where it is unset."""

    field: str
    values: tuple[str | None, ...]


def differences(specs: Sequence[FederatedTrainingSpec]) -> tuple[DifferentField, ...]:
    """Return the fields that differ, by name."""
    return _different([_texts(spec) for spec in specs])


def by_block(specs: Sequence[FederatedTrainingSpec]) -> tuple[DifferentField, ...]:
    """Return the fields that differ, with one entry for a block that some runs lack and that is the same in the others.
    The value of a block is its name or `set`."""
    flat = [_texts(spec) for spec in specs]
    found: dict[str, list[DifferentField]] = {}
    for one in _different(flat):
        found.setdefault(_block(one, flat), []).append(one)
    return tuple(entry for block, fields in found.items() for entry in _entries(block, fields, flat))


def _different(flat: Sequence[Mapping[str, str]]) -> tuple[DifferentField, ...]:
    fields = sorted({field for one in flat for field in one})
    found = (DifferentField(field, tuple(one.get(field) for one in flat)) for field in fields)
    return tuple(one for one in found if len(set(one.values)) > 1)


def _entries(block: str, fields: list[DifferentField], flat: Sequence[Mapping[str, str]]) -> list[DifferentField]:
    complete = {tuple(sorted(_within(one, block).items())) for one in flat} - {()}
    if len(fields) == 1 or len(complete) > 1:
        return fields
    return [DifferentField(block, tuple(_shown(one, block) for one in flat))]


def _shown(flat: Mapping[str, str], block: str) -> str | None:
    return flat.get(f"{block}.name", "set") if _within(flat, block) else None


def _block(one: DifferentField, flat: Sequence[Mapping[str, str]]) -> str:
    """The largest block of the field that all runs lack in which the field is unset; the field itself if it is set in
    all runs."""
    without = [fields for fields, value in zip(flat, one.values, strict=True) if value is None]
    ends = [match.start() for match in re.finditer(r"[.\[]", one.field)]
    blocks = [one.field[:end] for end in ends]
    return next((block for block in blocks if without and not any(_within(run, block) for run in without)), one.field)


def _within(flat: Mapping[str, str], block: str) -> dict[str, str]:
    starts = (f"{block}.", f"{block}[")
    return {field: value for field, value in flat.items() if field == block or field.startswith(starts)}


def _texts(spec: FederatedTrainingSpec) -> dict[str, str]:
    flat = flat_spec(spec)
    return {field: json.dumps(value, ensure_ascii=False) for field, value in flat.items() if not may_change(field)}
