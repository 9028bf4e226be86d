"""Locations in a manifest: a path (absolute, or relative to the manifest), `file://`, `s3://bucket/key`, or a hub
id."""

import contextlib
import os
import re
from pathlib import Path
from typing import Literal

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
S3_LIKE = "^(?i:s3)(:|//)"
"""An S3 URI, also with missing characters, such as `s3:/bucket/key`: it is not taken for a path."""


def scheme(uri: str) -> str:
    """Return the scheme in lower case, such as `s3` or `https`; "file" for paths."""
    if re.search(S3_LIKE, uri):
        return "s3"
    found = _SCHEME.match(uri)
    return found[1].lower() if found else "file"


def short_path(place: str) -> str:
    """A path below the working directory as a relative path; other places unchanged."""
    path, here = Path(place), Path.cwd()
    return str(path.relative_to(here)) if path.is_absolute() and path.is_relative_to(here) else place


def absolute(uri: str, folder: Path) -> str:
    """Resolve a path against `folder` and return it as an absolute path. Other schemes are returned unchanged."""
    if scheme(uri) != "file":
        return uri
    path = Path(uri.removeprefix("file://"))
    with contextlib.suppress(RuntimeError):  # an unknown user, as in ~nobody
        path = path.expanduser()
    return str((folder / path).absolute())


def not_utf8(path: Path) -> str | None:
    """Return an absolute path for a message if it is not UTF-8, so that no record or task can contain it; else None."""
    name = os.fsencode(path.absolute())
    try:
        name.decode()
    except UnicodeDecodeError:
        return name.decode(errors="backslashreplace")
    return None


def is_file(path: Path | str) -> bool:
    """Return whether the file exists; False for invalid paths (too long, for example) and without permission."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def is_link(path: Path | str) -> bool:
    """Return whether the path is a symbolic link; False in the same cases as `is_file`."""
    try:
        return Path(path).is_symlink()
    except (OSError, ValueError):
        return False


def closed_folder(path: Path) -> Path | None:
    """Return the folder above `path` that this user may not open; None if there is none."""
    for above in reversed(path.absolute().parents):
        if is_folder(above) and not os.access(above, os.X_OK):
            return above
    return None


def is_folder(path: Path | str) -> bool:
    """Return whether the folder exists; False in the same cases as `is_file`."""
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):
        return False


def base_kind(base: str, folder: Path) -> Literal["Bucket", "Folder", "Hub"]:
    """Return the kind of `spec.model.base`: a folder if it looks like a path or exists as a folder, else a model id on
    Hugging Face."""
    if scheme(base) != "file":
        return "Bucket"
    looks = base.startswith((".", "/", "~", "file://")) or base.count("/") > 1
    return "Folder" if looks or is_folder(absolute(base, folder)) else "Hub"
