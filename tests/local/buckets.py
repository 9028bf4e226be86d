"""A federation whose ledger is in a bucket."""

from pathlib import Path

from federation import Small

from fedtrain.api.storage import S3, Storage
from fedtrain.contracts import names
from fedtrain.contracts.records import Manifest
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.open import open_ledger


def federation(folder: Path, bucket: S3) -> tuple[Small, Ledger]:
    s3 = bucket.model_dump(by_alias=True, exclude_none=True)
    small = Small(folder, {"storage": {"type": "S3", "s3": s3}, "rounds": {"retries": 9}})
    return small, open_ledger(Storage(type="S3", s3=bucket), "default", small.name)


def digests(ledger: Ledger) -> list[tuple[str, str | None, str]]:
    found = [ledger.read(names.manifest(round), Manifest) for round in range(3)]
    return [(manifest.adapter, manifest.state, manifest.outcome) for manifest in found if manifest]
