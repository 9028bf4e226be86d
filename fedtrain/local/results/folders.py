"""Folders that appear whole or not at all."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from fedtrain.ledger.store import StoreError


def write_folder(target: Path, fill: Callable[[Path], None], mark: str) -> Path:
    """Makes `target` with what `fill` writes into an empty folder, in one step. A `target` that is there is replaced
    if it is empty or holds the file `mark`, by which it is one of ours. Raises StoreError otherwise, OSError."""
    target = target.absolute()
    if target.exists() and not (target.is_dir() and ((target / mark).is_file() or not any(target.iterdir()))):
        raise StoreError(f"{target} is there and was not written by this command. Name another place with --out.")
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    before = target.with_name(f".{target.name}.{os.getpid()}.before")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    try:
        fill(aside)
        if target.exists():
            target.rename(before)
        aside.rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(before, ignore_errors=True)
    return target


def write_file(target: Path, content: bytes) -> Path:
    """Writes over `target` in one step. Raises OSError."""
    target = target.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        aside.write_bytes(content)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
    return target
