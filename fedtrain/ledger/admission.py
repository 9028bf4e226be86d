"""Claiming a run's name: new, the same run again, or refused because another run has it."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import ValidationError

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.contracts.records import CONTRACT_VERSION, Run
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import LedgerCorrupt, ObjectMissing, StoreError

MAY_CHANGE = ("suspend", "storage", "rounds.deadline")
"""Fields that may differ when a run goes on: they say when and where, not what."""

_SHOWN = 80
"""Characters of a value in a message."""


@dataclass(frozen=True)
class Difference:
    """A field that differs: its dotted path, and both values as JSON (`unset` if it isn't there)."""

    field: str
    recorded: str
    wanted: str


class SpecDiffers(Exception):
    """A run of this name exists with another spec."""

    def __init__(self, url: str, name: str, differences: tuple[Difference, ...]) -> None:
        self.differences = differences
        lines = [f"  spec.{d.field}: {d.recorded} in the run, {d.wanted} in the file" for d in differences]
        super().__init__(
            f"There is a run {name!r} at {url} already, with another spec:\n" + "\n".join(lines) + "\n"
            "Change these fields back to go on with it, or give the new run another metadata.name."
        )


class NewerContract(StoreError):
    """The run was written by a fedtrain that this one can't follow."""


def new_run(namespace: str, name: str, spec: FederatedTrainingSpec) -> Run:
    """The claim of a run with an id of its own. Its spec is what was said: without the values that are defaults, so
    that it is the same whoever filled those in (a Kubernetes API server does, a file on one machine has none)."""
    said = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return Run(run_id=uuid.uuid4().hex, namespace=namespace, name=name, spec=said)


def claim_run(ledger: Ledger, run: Run) -> Run:
    """Claims the name for `run`, or returns the run that has it when its spec is the same. Raises SpecDiffers,
    NewerContract, LedgerCorrupt, StoreError."""
    found = recorded(ledger) or ledger.claim(names.RUN, run)
    if (found.namespace, found.name) != (run.namespace, run.name):
        raise LedgerCorrupt(
            f"{ledger.url} holds the run {found.namespace}/{found.name}, not {run.namespace}/{run.name}. A run's "
            "folder can't be renamed: move it back."
        )
    differences = compare(found.spec, run.spec)
    if differences:
        raise SpecDiffers(ledger.url, run.name, differences)
    return found


def compare(recorded: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Where two specs, as users wrote them, mean different things. A field that one leaves out has its default there,
    so writing a default down is no difference."""
    if recorded == wanted:
        return ()
    before, after = dict(_flat(_read(recorded, written=False))), dict(_flat(_read(wanted, written=False)))
    written = {field for spec in (recorded, wanted) for field, _ in _flat(_read(spec, written=True))}
    return tuple(
        Difference(field, _shown(before, field), _shown(after, field))
        for field in sorted(written)
        if not _may_change(field) and _shown(before, field, None) != _shown(after, field, None)
    )


def recorded(ledger: Ledger) -> Run | None:
    """The run that has the name; None where there is none. Raises NewerContract, LedgerCorrupt, StoreError."""
    try:
        found = ledger.read(names.RUN, Run)
    except LedgerCorrupt:  # a newer one may have fields that this version doesn't know
        _check_version(ledger, _version(ledger))
        raise
    if found is not None:
        _check_version(ledger, found.contract_version)
    return found


def _version(ledger: Ledger) -> object:
    try:
        plain: object = json.loads(ledger.content(names.RUN))
    except (ObjectMissing, ValueError):
        return None
    return cast(dict[str, object], plain).get("contractVersion") if isinstance(plain, dict) else None


def _check_version(ledger: Ledger, version: object) -> None:
    if isinstance(version, int) and version > CONTRACT_VERSION:
        raise NewerContract(
            f"{ledger.url} was written by a newer fedtrain (contract version {version}; this one knows up to "
            f"{CONTRACT_VERSION}). Update fedtrain to go on with this run."
        )


def _read(spec: Mapping[str, Any], written: bool) -> Mapping[str, Any]:
    """The spec as the API reads it: what the user wrote, or with all defaults. As it is if this version of the API
    can't read it."""
    try:
        block = FederatedTrainingSpec.model_validate(spec)
    except ValidationError:
        return spec
    return block.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=written)


def _flat(plain: object, path: str = "") -> list[tuple[str, object]]:
    """Dotted paths and leaf values; an empty mapping or list has no leaves."""
    if isinstance(plain, Mapping):
        entries = cast(Mapping[str, object], plain).items()
        return [leaf for key, value in entries for leaf in _flat(value, f"{path}.{key}" if path else key)]
    if isinstance(plain, list | tuple):
        items = enumerate(cast(list[object], plain))
        return [leaf for index, value in items for leaf in _flat(value, f"{path}[{index}]")]
    return [(path, plain)]


def _shown(flat: Mapping[str, object], field: str, limit: int | None = _SHOWN) -> str:
    if field not in flat:
        return "unset"
    text = json.dumps(flat[field], ensure_ascii=False, default=str)
    return text if limit is None or len(text) <= limit else f"{text[: limit - 1]}…"


def _may_change(field: str) -> bool:
    return any(field == allowed or field.startswith((f"{allowed}.", f"{allowed}[")) for allowed in MAY_CHANGE)
