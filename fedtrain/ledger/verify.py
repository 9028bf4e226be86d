"""Verifies a run's ledger from its objects alone: nothing is trusted but BLAKE3.

Three passes: every record by itself, the chain of manifests and what they name, the bytes of blobs and update files.
A finding names the object. Changing any object of the chain, and all that rest on it, is found by who kept the digest
of `end.json` (or of the newest manifest) elsewhere.
"""

from dataclasses import dataclass

from fedtrain.contracts import names
from fedtrain.contracts.records import Digest, Manifest
from fedtrain.ledger.finding import Finding
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.verify_bytes import Bytes
from fedtrain.ledger.verify_chain import Chain
from fedtrain.ledger.verify_records import read_records

__all__ = ["Finding", "Verification", "verify"]


@dataclass(frozen=True)
class Verification:
    """What was checked (numbers of objects, and of bytes of blobs and update files) and what was found. `tip` is the
    digest of the newest manifest: it stands for the whole history."""

    findings: tuple[Finding, ...]
    rounds: int
    records: int
    blobs: int
    updates: int
    bytes: int
    tip: Digest | None

    @property
    def sound(self) -> bool:
        return not self.findings


def verify(ledger: Ledger) -> Verification:
    """Reads the whole ledger, telemetry excepted. Raises StoreError when the store can't be read."""
    listed = ledger.names()
    findings: list[Finding] = []
    records = read_records(ledger, listed, findings)
    Chain(records, findings).check()
    content = Bytes(ledger, records, findings)
    content.check(listed)
    manifests = [manifest.round for _, manifest in records.all(Manifest)]
    return Verification(
        findings=tuple(findings),
        rounds=len([round for round in manifests if round > 0]),
        records=len(records.digests),
        blobs=content.blobs,
        updates=content.updates,
        bytes=content.bytes,
        tip=records.digests[names.manifest(max(manifests))] if manifests else None,
    )
