"""Verifies a run's ledger from its objects alone, trusting only BLAKE3.

Four passes: every record by itself, the chain of manifests and the records that they name, the updates against the
plans, the bytes of blobs and update files. A finding names the object. A changed history in which all digests were
changed too is found by comparing the digest of the newest manifest with a copy that was kept elsewhere.
"""

from dataclasses import dataclass

from fedtrain.contracts import names
from fedtrain.contracts.record_fields import Digest
from fedtrain.contracts.records import Manifest
from fedtrain.ledger.affected_rounds import sound_rounds, uses_of_blobs, with_rounds
from fedtrain.ledger.finding import Finding
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.lost_run import lost_run
from fedtrain.ledger.verify_bytes import Bytes
from fedtrain.ledger.verify_chain import Chain
from fedtrain.ledger.verify_records import read_records
from fedtrain.ledger.verify_updates import Updates

__all__ = ["Finding", "Verification", "verify"]


@dataclass(frozen=True)
class Verification:
    """Numbers of objects, and of bytes of blobs and update files, that were checked, and the findings. `notes` name
    updates that no task or no telemetry stands behind; they do not make the ledger unsound. `sound_rounds`: recorded
    rounds after round 0 that no finding is about. `tip`: digest of the newest manifest, which covers the whole
    history."""

    findings: tuple[Finding, ...]
    notes: tuple[Finding, ...]
    rounds: int
    records: int
    blobs: int
    updates: int
    bytes: int
    sound_rounds: tuple[int, ...]
    tip: Digest | None

    @property
    def sound(self) -> bool:
        return not self.findings


def verify(ledger: Ledger) -> Verification:
    """Reads the whole ledger, telemetry excepted. Raises StoreError when the store can't be read."""
    listed = ledger.names()
    if (lost := lost_run(ledger)) is not None:  # all other findings would follow from this one
        return _only(Finding(names.RUN, lost.problem))
    findings: list[Finding] = []
    records = read_records(ledger, listed, findings)
    Chain(records, findings).check()
    notes: list[Finding] = []
    Updates(records, findings, notes).check(listed)
    content = Bytes(ledger, records, findings)
    content.check(listed)
    manifests = [manifest.round for _, manifest in records.all(Manifest)]
    uses = uses_of_blobs(records)
    return Verification(
        findings=tuple(with_rounds(finding, uses) for finding in findings),
        notes=tuple(notes),
        rounds=len([round for round in manifests if round > 0]),
        records=len(records.digests),
        blobs=content.blobs,
        updates=content.updates,
        bytes=content.bytes,
        sound_rounds=sound_rounds(records, findings, uses),
        tip=records.digests[names.manifest(max(manifests))] if manifests else None,
    )


def _only(finding: Finding) -> Verification:
    return Verification((finding,), (), rounds=0, records=0, blobs=0, updates=0, bytes=0, sound_rounds=(), tip=None)
