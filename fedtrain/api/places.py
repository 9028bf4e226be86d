"""Places that a file names: a path (absolute, or relative to the file), `file://`, `s3://bucket/key`, a hub id."""

import contextlib
import re
from pathlib import Path
from typing import Literal

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def scheme(uri: str) -> str:
    """`s3`, `https`, ...; "file" for paths."""
    found = _SCHEME.match(uri)
    return found[1].lower() if found else "file"


def absolute(uri: str, folder: Path) -> str:
    """The place as an absolute path, relative ones starting at `folder`; other schemes stay as they are."""
    if scheme(uri) != "file":
        return uri
    path = Path(uri.removeprefix("file://"))
    with contextlib.suppress(RuntimeError):  # ~nobody: no such user, so no such place either
        path = path.expanduser()
    return str((folder / path).absolute())


def is_file(path: Path | str) -> bool:
    """Whether a file is there; False for what can't be a path (too long, say) or may not be looked at."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path | str) -> bool:
    """Whether a folder is there; False as for `is_file`."""
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):
        return False


def base_kind(base: str, folder: Path) -> Literal["Bucket", "Folder", "Hub"]:
    """What `spec.model.base` is: a folder if it looks like a path or is there, else a hub id."""
    if scheme(base) != "file":
        return "Bucket"
    looks = base.startswith((".", "/", "~", "file://")) or base.count("/") > 1
    return "Folder" if looks or is_folder(absolute(base, folder)) else "Hub"
