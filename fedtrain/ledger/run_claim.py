"""Claiming a run's name: a new run, the same run again, a run whose spec is corrected before it has begun, or refused
because another run has the name."""

import json
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from pydantic import ValidationError

from fedtrain.api.begun import FIRST_ROUND, begun
from fedtrain.api.changeable_fields import may_change
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.contracts.record import CONTRACT_VERSION
from fedtrain.contracts.records import Run
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.lost_run import lost_run
from fedtrain.ledger.record_kinds import kind_of
from fedtrain.ledger.store import LedgerCorrupt, ObjectMissing, StoreError
from fedtrain.quoting import quoted

_SHOWN = 80
"""Characters of a value in a message."""


@dataclass(frozen=True)
class Difference:
    """A field that differs: its dotted path, and both values as JSON (`unset` if it isn't there)."""

    field: str
    recorded: str
    wanted: str


class SpecDiffers(Exception):
    """A run of this name has begun with another spec."""

    def __init__(self, ledger: Ledger, name: str, differences: tuple[Difference, ...]) -> None:
        self.differences = differences
        run = quoted(ledger.address)
        lines = [
            f"Run {name!r} at {ledger.url} has begun with another spec:",
            *(f"  spec.{d.field}: {d.recorded} in the run, {d.wanted} in the file" for d in differences),
            "Change these fields back to resume it.",
            f"For another run, change `metadata.name`, or delete this run: `fedtrain delete {run}`.",
        ]
        if any(difference.field == "rounds.count" for difference in differences):
            lines.append(f"For more rounds, start a run from this one's adapter: `fedtrain init --from {run}`.")
        super().__init__("\n".join(lines))


class NewerContract(StoreError):
    """The run was written by a fedtrain that this one can't follow."""


def new_run(namespace: str, name: str, spec: FederatedTrainingSpec) -> Run:
    """The claim of a run with an id of its own. Its spec is what was said: without the values that are defaults, so
    that it is the same with defaults (a Kubernetes API server fills them in) and without (a file on one machine)."""
    said = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return Run(run_id=uuid.uuid4().hex, namespace=namespace, name=name, spec=said)


def claim_run(ledger: Ledger, run: Run, known_begun: bool = False) -> Run:
    """Claims the name for `run`, or returns the run that has it if its spec is the same. A run that has not begun is
    replaced by one with the new spec. `known_begun`: whether it was seen earlier that the run has begun. Raises
    SpecDiffers, NewerContract, LedgerCorrupt, StoreError."""
    found = claimed(ledger) or ledger.claim(names.RUN, run)
    if (found.namespace, found.name) != (run.namespace, run.name):
        raise LedgerCorrupt(
            f"{ledger.url} holds the run {found.namespace}/{found.name}, not {run.namespace}/{run.name}. A run's "
            "folder can't be renamed: move it back."
        )
    differences = compare(found.spec, run.spec)
    if known_begun or has_begun(ledger):
        if differences:
            raise SpecDiffers(ledger, run.name, differences)
        return found
    if differences:
        found = _replace(ledger, found, run, differences)
    _delete_records_of_other_runs(ledger, found)
    return found


def has_begun(ledger: Ledger) -> bool:
    """Whether the run has begun (`fedtrain.api.begun`). Raises StoreError."""
    return begun(FIRST_ROUND if ledger.size(names.manifest(0)) is not None else 0)


def check_not_replaced(ledger: Ledger, run: Run) -> None:
    """Raises LedgerCorrupt if another coordinator has replaced `run`, which has not begun. Reads the store again."""
    found = Ledger(ledger.store, ledger.namespace, ledger.name).read(names.RUN, Run)
    if found is not None and found.run_id != run.run_id:
        raise LedgerCorrupt(
            f"{ledger.address} was claimed by another `fedtrain run`, whose file has another spec. Stop that one, and "
            "start `fedtrain run` again."
        )


def _replace(ledger: Ledger, found: Run, run: Run, differences: tuple[Difference, ...]) -> Run:
    """Writes `run` over a run that has not begun. If that run records round 0 meanwhile, it keeps the name."""
    ledger.replace_run(run)
    if has_begun(ledger):
        ledger.replace_run(found)
        raise SpecDiffers(ledger, run.name, differences)
    return run


def _delete_records_of_other_runs(ledger: Ledger, run: Run) -> None:
    """Round 0 of a run that was replaced: preflights, the initial adapter, failures. They would hold the names of this
    run's records. Blobs and telemetry stay."""
    for name in ledger.names():
        kind = kind_of(name)
        if kind is None:
            continue
        with suppress(LedgerCorrupt):  # not a record of any run: gathering reports it
            record = ledger.read(name, kind.kind)
            if record is not None and record.run_id != run.run_id:
                ledger.delete(name)


def compare(recorded: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Fields whose values differ between two specs as users wrote them. An unset field has its default, so writing a
    default down is not a difference."""
    if recorded == wanted:
        return ()
    before, after = dict(_flat(_read(recorded, written=False))), dict(_flat(_read(wanted, written=False)))
    written = {field for spec in (recorded, wanted) for field, _ in _flat(_read(spec, written=True))}
    return tuple(
        Difference(field, _shown(before, field), _shown(after, field))
        for field in sorted(written)
        if not may_change(field) and _shown(before, field, None) != _shown(after, field, None)
    )


def claimed(ledger: Ledger) -> Run | None:
    """The run that has the name; None if the name is free. Raises LostRun if only the rounds of a run have it, and what
    `recorded` raises."""
    found = recorded(ledger)
    if found is None and (lost := lost_run(ledger)) is not None:
        raise lost
    return found


def recorded(ledger: Ledger) -> Run | None:
    """The run that has the name; None if no run has it. Raises NewerContract, LedgerCorrupt, StoreError."""
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
    except (ObjectMissing, ValueError, RecursionError):  # a spec that is nested too deep
        return None
    return cast(dict[str, object], plain).get("contractVersion") if isinstance(plain, dict) else None


def _check_version(ledger: Ledger, version: object) -> None:
    if isinstance(version, int) and version > CONTRACT_VERSION:
        raise NewerContract(
            f"{ledger.url} was written by a newer fedtrain (contract version {version}; this one knows up to "
            f"{CONTRACT_VERSION}). Update fedtrain to resume this run."
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


def flat_spec(spec: FederatedTrainingSpec) -> dict[str, object]:
    """Return dotted paths and values of a spec's fields, defaults included."""
    return dict(_flat(spec.model_dump(mode="json", by_alias=True, exclude_none=True)))


def _shown(flat: Mapping[str, object], field: str, limit: int | None = _SHOWN) -> str:
    if field not in flat:
        return "unset"
    text = json.dumps(flat[field], ensure_ascii=False, default=str)
    return text if limit is None or len(text) <= limit else f"{text[: limit - 1]}…"
