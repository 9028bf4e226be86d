"""Atomic writing of folders and files that never replaces what the user wrote."""

import fcntl
import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from fedtrain.folder_contents import move_contents
from fedtrain.ledger.store import StoreError


def write_folder(target: Path, fill: Callable[[Path], None], check: Callable[[Path], None]) -> Path:
    """Create `target` atomically from what `fill` writes into an empty folder. File modes follow the umask. An existing
    `target` is replaced if it is empty or `check` does not raise; an empty or the current folder is filled, not
    replaced. Raises StoreError, OSError."""
    target = target.absolute()
    place = target.resolve()  # a link to a folder stays
    with _locked(place.parent):
        _check_free(target, check)
    aside = place.with_name(f".{place.name}.{os.getpid()}")
    before = place.with_name(f".{place.name}.{os.getpid()}.before")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        fill(aside)
        readable = aside.stat().st_mode & 0o666  # from the umask; libraries create files that only their owner reads
        for path in aside.rglob("*"):
            if path.is_file():
                path.chmod(readable)
        with _locked(place.parent):
            _check_free(target, check)
            if _is_kept(place):
                _swap_contents(aside, place, before)
            else:
                _swap(aside, place, before)
    except OSError as error:
        raise _named(error, target, aside) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    shutil.rmtree(before, ignore_errors=True)
    return target


def write_file(
    target: Path, content: bytes, ours: Callable[[bytes], bool] = lambda _: True, *, mode: int = 0o666
) -> Path:
    """Replace `target` atomically. An existing file is replaced only if `ours` accepts its content. Raises StoreError
    if it does not or `target` is a folder, OSError. `mode`: permissions of the file, before the umask."""
    target = target.absolute()
    if target.is_dir():
        raise StoreError(f"--out needs a file, and {target} is a folder. Name a file in it.")
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        if target.exists() and not ours(target.read_bytes()):
            raise StoreError(
                f"{target} exists and was not written by this command. Name a new file with --out, or move this one."
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        aside.touch(mode)
        aside.write_bytes(content)
        aside.replace(target)
    except OSError as error:
        raise _named(error, target, aside) from error
    finally:
        if aside.exists():
            aside.unlink()
    return target


def is_page(content: bytes) -> bool:
    """Whether the content is an HTML page of fedtrain."""
    return content.lower().startswith(b"<!doctype html>") and b"fedtrain" in content


@contextmanager
def _locked(folder: Path) -> Generator[None]:
    """Hold a lock on `folder`, so that two processes do not replace the same folder in it at once. There is no lock if
    `folder` does not exist, or on a file system without locks."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        yield
        return
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _check_free(target: Path, check: Callable[[Path], None]) -> None:
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        check(target)


def _is_kept(target: Path) -> bool:
    """Whether the folder itself stays: a shell in it would be in a deleted one."""
    return target.is_dir() and (not any(target.iterdir()) or target.samefile(os.curdir))


def _swap_contents(aside: Path, target: Path, before: Path) -> None:
    """Put the files of `aside` in the place of those of `target`, which move to `before`. If that fails, they stay. The
    model card, which says whose files these are, is moved first."""
    before.mkdir()
    try:
        move_contents(target, before)
        try:
            move_contents(aside, target)
        except OSError:
            move_contents(before, target)
            raise
    except OSError:
        before.rmdir()
        raise


def _swap(aside: Path, target: Path, before: Path) -> None:
    """Put `aside` in the place of `target`, which moves to `before`. If that fails, `target` stays."""
    existed = target.exists()
    if existed:
        target.rename(before)
    try:
        aside.rename(target)
    except OSError:
        if existed:
            before.rename(target)
        raise


def _named(error: OSError, target: Path, aside: Path) -> OSError:
    """Return the same error with the path that the user knows. A write to a full disk names none, and temporary paths
    are those of `target`."""
    if error.filename is not None and str(aside) not in str(error.filename):
        return error
    return OSError(error.errno, error.strerror, str(target))
