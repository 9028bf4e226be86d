"""Atomic writing of folders and files."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from fedtrain.ledger.store import StoreError


def write_folder(target: Path, fill: Callable[[Path], None], ours: Callable[[Path], bool]) -> Path:
    """Create `target` atomically from what `fill` writes into an empty folder. File modes follow the umask. An existing
    `target` is replaced if it is empty or `ours` accepts it. Raises StoreError otherwise, OSError."""
    target = target.absolute()
    if target.exists() and not (target.is_dir() and (not any(target.iterdir()) or ours(target))):
        raise StoreError(
            f"{target} exists and is not an export of this run. Choose another folder with --out, or delete it first."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    before = target.with_name(f".{target.name}.{os.getpid()}.before")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    try:
        fill(aside)
        readable = aside.stat().st_mode & 0o666  # from the umask; libraries create files that only their owner reads
        for path in aside.rglob("*"):
            if path.is_file():
                path.chmod(readable)
        if target.exists():
            target.rename(before)
        aside.rename(target)
    except OSError as error:
        raise _named(error, target) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(before, ignore_errors=True)
    return target


def write_file(target: Path, content: bytes) -> Path:
    """Replace `target` atomically. Raises StoreError if it is a folder, OSError."""
    target = target.absolute()
    if target.is_dir():
        raise StoreError(f"{target} is a folder. Name a file with --out.")
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        aside.write_bytes(content)
        aside.replace(target)
    except OSError as error:
        raise _named(error, target) from error
    finally:
        aside.unlink(missing_ok=True)
    return target


def _named(error: OSError, target: Path) -> OSError:
    """The same error with a path. A write to a full disk names none."""
    return error if error.filename is not None else OSError(error.errno, error.strerror, str(target))
