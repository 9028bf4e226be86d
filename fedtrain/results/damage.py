"""Records of a run that were deleted or changed by hand: other records name them, or later ones exist."""

from collections.abc import Collection, Iterator, Sequence

from fedtrain.contracts import names
from fedtrain.contracts.record_fields import Digest
from fedtrain.contracts.records import Close, Manifest
from fedtrain.contracts.run_end import End
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.parse import MISSING
from fedtrain.ledger.store import LedgerCorrupt


def check_manifests(ledger: Ledger, present: Collection[str], end: End | None) -> None:
    """Raises LedgerCorrupt with the first manifest that is missing, although the run has ended or a later round has
    begun. `present`: a listing, in which a round that ends meanwhile may lack its manifest."""
    last = max(
        _latest(present, "manifest.json"), _latest(present, "plan.json") - 1, end.round if end is not None else -1
    )
    for name in map(names.manifest, range(last + 1)):
        if name not in present and ledger.size(name) is None:
            raise LedgerCorrupt(f"{ledger.damaged(name, MISSING)} `fedtrain ledger verify` lists all damage.", MISSING)


def _latest(present: Collection[str], file: str) -> int:
    """The last round that has this file; -1 if none has."""
    folders = [name.split("/")[1] for name in present if name.startswith("rounds/") and name.endswith(f"/{file}")]
    return max([int(folder) for folder in folders if folder.isdecimal()], default=-1)


def changed_records(ledger: Ledger, present: Collection[str], manifests: Sequence[Manifest]) -> Iterator[str]:
    """Yield the records of rounds that are not the ones that a manifest or a close names."""
    for manifest in manifests:
        for digest, name in _named(manifest):
            if digest is not None and name in present and ledger.digest(name) != digest:
                yield name
        yield from _changed_updates(ledger, present, names.close(manifest.round, manifest.k or 0))


def _changed_updates(ledger: Ledger, present: Collection[str], close: str) -> Iterator[str]:
    try:
        found = ledger.read(close, Close) if close in present else None
    except LedgerCorrupt:
        return
    if found is None:
        return
    for update in found.updates:
        name = names.update(found.round, update.participant, update.attempt)
        if name in present and ledger.digest(name) != update.record:
            yield name


def missing_records(present: Collection[str], manifests: Sequence[Manifest]) -> Iterator[str]:
    """Yield the records of rounds that a manifest names and that do not exist."""
    for manifest in manifests:
        for digest, name in _named(manifest):
            if digest is not None and name not in present:
                yield name


def _named(manifest: Manifest) -> tuple[tuple[Digest | None, str], ...]:
    """The records that a manifest names, with their digests."""
    k = manifest.k or 0
    return (
        (manifest.plan, names.plan(manifest.round)),
        (manifest.close, names.close(manifest.round, k)),
        (manifest.aggregate, names.aggregate(manifest.round, k)),
        (manifest.evaluation, names.evaluation(manifest.round, k)),
    )
