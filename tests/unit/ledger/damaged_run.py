"""Damage to the folder of a run, and the objects that verification names."""

import json
from pathlib import Path

from fedtrain.contracts import names
from fedtrain.contracts.canonical import canonical_json
from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.verify import verify


def found_in(run: Path) -> list[str]:
    """The names of what verification finds."""
    ledger = Ledger(FileStore(run.parent.parent), "default", "demo")
    return [finding.name for finding in verify(ledger).findings]


def rewrite(path: Path, **fields: object) -> None:
    """Edits a record with care: canonical JSON again."""
    path.write_bytes(canonical_json({**json.loads(path.read_bytes()), **fields}))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def update_file(run: Path, who: str, attempt: int) -> str:
    """The name of a file of round 1."""
    record = json.loads((run / names.update(1, who, attempt)).read_bytes())
    return f"{names.update_folder(1, who, attempt)}/{record['file']}"
