"""Places and texts for files that are passed on: no folder of the machine that wrote them.

A path within the folder of the federation file stays as it is. Of any other path only the last name is shown: the
folders above it tell a user's name or a project's.
"""

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any, cast
from urllib.parse import urlsplit
from urllib.request import url2pathname

from fedtrain.api.places import scheme

_PATH = re.compile(r"(?<![\w.:/~<])(?:file://)?(?:~[\w.-]*)?/(?:[^\s'\"`<>|:;,()\[\]]*[^\s'\"`<>|:;,()\[\].])?")
_QUOTED = re.compile(r"(?P<quote>['\"`])(?P<path>(?:file://)?(?:~[\w.-]*)?/.*?)(?P=quote)")
"""A path between quotes may have blanks."""


def public_place(place: str) -> str:
    """Return a path without the folders that lead to it; other addresses unchanged."""
    if scheme(place) != "file":
        return place
    path = PurePosixPath(place.removeprefix("file://"))
    if not path.is_absolute() and path.parts[:1] != ("~",) and ".." not in path.parts:
        return place
    return "." if path in (PurePosixPath(str(Path.home())), PurePosixPath("~")) else _last(path)


def public_text(text: str, folders: Iterable[Path] = ()) -> str:
    """Return the text with the last names of its paths. `folders`: those whose paths become relative ones, also if
    their names have blanks."""
    for folder in (*folders, Path.home()):
        if folder != Path("/"):
            text = text.replace(f"file://{folder}/", "").replace(f"{folder}/", "")
    text = _QUOTED.sub(lambda found: f"{found['quote']}{public_place(found['path'])}{found['quote']}", text)
    return _PATH.sub(lambda found: public_place(found[0]), text)


def public_values(plain: Any) -> Any:
    """Return JSON with `public_place` of each path in it."""
    if isinstance(plain, dict):
        return {name: public_values(value) for name, value in cast("dict[str, Any]", plain).items()}
    if isinstance(plain, list):
        return [public_values(value) for value in cast("list[Any]", plain)]
    return public_place(plain) if isinstance(plain, str) and _is_path(plain) else plain


def public_run(url: str) -> str:
    """`runs/default/quickstart`: the folder of a run, from the folder that has the storage; the address of a run in a
    bucket."""
    if scheme(url) != "file":
        return url
    folder = Path(url2pathname(urlsplit(url).path))
    return str(PurePosixPath(public_place(str(folder.parents[1])), folder.parent.name, folder.name))


def _is_path(text: str) -> bool:
    return text.startswith(("/", "~", "file://")) or ".." in text.split("/")


def _last(path: PurePosixPath) -> str:
    return path.name if path.name not in ("", "..") else "."
