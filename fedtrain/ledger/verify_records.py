"""First pass of verification: every record by itself. It is valid, is written canonically, has its own name and belongs
to this run. Whatever is wrong with an object is a finding and never ends the verification."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from fedtrain.contracts import names
from fedtrain.contracts.canonical import canonical_json
from fedtrain.contracts.digests import digest_bytes
from fedtrain.contracts.record import Record
from fedtrain.contracts.record_fields import Digest
from fedtrain.contracts.records import Run
from fedtrain.ledger.finding import Finding
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.parse import parse
from fedtrain.ledger.record_kinds import OTHER_OBJECT, RecordKind, kind_of
from fedtrain.ledger.store import LedgerCorrupt, ObjectMissing, ObjectTooLarge

R = TypeVar("R", bound=Record)


@dataclass
class Records:
    """All records that could be read, and the digests of their bytes, by name."""

    found: dict[str, Record] = field(default_factory=dict[str, Record])
    digests: dict[str, Digest] = field(default_factory=dict[str, Digest])

    def get(self, name: str, kind: type[R]) -> R | None:
        record = self.found.get(name)
        return record if isinstance(record, kind) else None

    def all(self, kind: type[R]) -> list[tuple[str, R]]:
        """The records of a kind, by name."""
        return [(name, record) for name, record in sorted(self.found.items()) if isinstance(record, kind)]


def read_records(ledger: Ledger, listed: Iterable[str], findings: list[Finding]) -> Records:
    """Reads every record from the store, past the ledger's memory. Raises StoreError when the store can't be read."""
    records = Records()
    for name in listed:
        kind = kind_of(name)
        if kind is None:
            continue
        try:
            content = ledger.content(name, kind.kind.max_bytes)
        except ObjectMissing:
            findings.append(Finding(name, "is listed, but can't be read"))
            continue
        except ObjectTooLarge as error:
            findings.append(Finding(name, f"is not a valid {kind.kind.__name__} record: {error}"))
            continue
        records.digests[name] = digest_bytes(content)
        record = _parse(name, kind, content, findings)
        if record is not None:
            records.found[name] = record
    _check_run(records, findings)
    return records


def _parse(name: str, kind: RecordKind, content: bytes, findings: list[Finding]) -> Record | None:
    try:
        record = parse(kind.kind, content)
    except LedgerCorrupt as error:
        findings.append(Finding(name, f"is not a valid {kind.kind.__name__} record: {error}"))
        return None
    if not _is_canonical(content):
        findings.append(Finding(name, "is not written as the ledger writes records, so it was edited"))
    own = kind.own_name(record)
    if own != name:
        findings.append(Finding(name, OTHER_OBJECT, expected=name, found=own))
    return record


def _is_canonical(content: bytes) -> bool:
    try:
        return canonical_json(json.loads(content)) == content
    except (ValueError, RecursionError):  # NaN or infinity in a spec, or a spec that is nested too deep
        return False


def _check_run(records: Records, findings: list[Finding]) -> None:
    run = records.get(names.RUN, Run)
    if run is None:
        if names.RUN not in records.digests:
            findings.append(Finding(names.RUN, "is missing, so there is no run here"))
        return
    others = [record.run_id for name, record in records.found.items() if name != names.RUN]
    if len(others) > 1 and len(set(others)) == 1 and run.run_id != others[0]:  # the others are the run's own
        problem = f"belongs to another run than all {len(others)} other records"
        findings.append(Finding(names.RUN, problem, expected=others[0], found=run.run_id))
        return
    for name, record in sorted(records.found.items()):
        if record.run_id != run.run_id:
            findings.append(Finding(name, "belongs to another run", expected=run.run_id, found=record.run_id))
