"""Folders that appear whole or not at all."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from fedtrain.ledger.store import StoreError


def write_folder(target: Path, fill: Callable[[Path], None], ours: Callable[[Path], bool]) -> Path:
    """Makes `target` with what `fill` writes into an empty folder, in one step; its files are as readable as the
    user's other files. A `target` that is there is replaced if it is empty or one of `ours`. Raises StoreError
    otherwise, OSError."""
    target = target.absolute()
    if target.exists() and not (target.is_dir() and (not any(target.iterdir()) or ours(target))):
        raise StoreError(
            f"{target} is there and holds something else than an export of this run. Name another place with --out, or "
            "delete it first."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    before = target.with_name(f".{target.name}.{os.getpid()}.before")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    try:
        fill(aside)
        readable = aside.stat().st_mode & 0o666  # the umask's; libraries make files for their owner alone
        for path in aside.rglob("*"):
            if path.is_file():
                path.chmod(readable)
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
