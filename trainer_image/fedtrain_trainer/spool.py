"""A trained update on a volume that outlives the pod: it is uploaded later if the store does not take it now, and never
trained again."""

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fedtrain.contracts.canonical import canonical
from fedtrain.contracts.digests import digest_file
from fedtrain.contracts.transfer import SPOOL_VARIABLE
from fedtrain.contracts.untrusted_records import Update
from fedtrain.ledger.parse import parse
from fedtrain.ledger.store import LedgerCorrupt

_FILE = "update.safetensors"
_RECORD = "record.json"


@dataclass(frozen=True)
class Spool:
    """`folder`: of one task. The record is written last, so that it says that the update is complete."""

    folder: Path

    @classmethod
    def of_environment(cls) -> "Spool | None":
        folder = os.environ.get(SPOOL_VARIABLE)
        return cls(Path(folder)) if folder else None

    def keep(self, update: Path, record: Update) -> Path:
        """Store an update and its record, and return the stored file. Raises OSError."""
        file = self.folder / _FILE
        _write(file, update)
        aside = update.with_name("spooled-record")
        aside.write_bytes(canonical(record))
        _write(self.folder / _RECORD, aside)
        return file

    def kept(self, run_id: str) -> tuple[Path, Update] | None:
        """Return the complete update of an earlier pod of this task; None if there is none."""
        file = self.folder / _FILE
        try:
            record = parse(Update, (self.folder / _RECORD).read_bytes())
            complete = record.run_id == run_id and digest_file(file) == record.digest
        except (OSError, LedgerCorrupt):
            return None
        return (file, record) if complete else None

    def clear(self) -> None:
        """Delete what is stored. Raises nothing, also if the volume has turned read-only: its owner can delete it as
        well."""
        for name in (_RECORD, _FILE):
            with suppress(OSError):
                (self.folder / name).unlink()


def _write(target: Path, source: Path) -> None:
    """Copy a file whole or not at all, and durably."""
    aside = target.with_name(f".{target.name}")
    try:
        with source.open("rb") as content, aside.open("wb") as file:
            shutil.copyfileobj(content, file, 8 * 1024 * 1024)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(target)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
