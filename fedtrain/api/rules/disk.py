"""Problems of paths on this machine's disk, each with its fix."""

import os
import re
from collections.abc import Collection
from itertools import islice
from pathlib import Path

from fedtrain.api.places import closed_folder, is_file, is_folder, is_link
from fedtrain.api.similar_words import nearest
from fedtrain.api.unread_paths import advice
from fedtrain.permissions import access_fix

CORRECT_THE_PATH = "Correct the path; relative paths start at the folder of this file"
_LOOKED_AT = 10_000
"""Names in a folder that are compared with a wrong path."""
Problem = tuple[str, str]
"""What is wrong, and the fix."""


def correct(path: Path, uri: str, used: Collection[Path] = ()) -> str:
    """Return the fix for a path that does not exist, with a similar one beside it which is not in `used`. `uri`: the
    path as in the file."""
    if (unread := advice(uri)) is not None:
        return unread
    if "*" in uri:
        return "Patterns with * are not expanded: name one file, or a folder, of which all files are read"
    if (elsewhere := _elsewhere(path, uri, used)) is not None:
        return CORRECT_THE_PATH.replace(";", f", for example to `{elsewhere}`;")
    found = islice(path.parent.iterdir(), _LOOKED_AT) if is_folder(path.parent) else ()
    beside = [one.name for one in found if one not in used]
    near = nearest(path.name, beside, cutoff=0.75)
    if near is None:
        return CORRECT_THE_PATH
    folder, slash, _ = uri.rstrip("/").rpartition("/")
    return CORRECT_THE_PATH.replace(";", f", for example to `{folder}{slash}{near}`;")


def absent(path: Path, uri: str, used: Collection[Path] = ()) -> Problem:
    """Return the problem of a path that does not exist, or is a symbolic link to one that does not. `uri`, `used`: as
    in `correct`."""
    if is_link(path):
        return f"{path} is a symbolic link to {path.readlink()}, which does not exist", "Correct the link or the path"
    return f"{path} does not exist", correct(path, uri, used)


def _elsewhere(path: Path, uri: str, used: Collection[Path]) -> str | None:
    """Return the path of what `uri` names, if that starts at the wrong folder: with `../` too many, or without the
    folder beside the file that it is in. None if there is none or more than one."""
    written = uri.removeprefix("./")
    folder = Path(str(path).removesuffix(written))
    if folder == path or not is_folder(folder):
        return None  # an absolute path
    rest = re.sub(r"^(\.{1,2}/)+", "", uri)
    beside = (one for one in islice(folder.iterdir(), _LOOKED_AT) if is_folder(one))
    found = [one for one in (folder / rest, *(one / rest for one in sorted(beside))) if is_file(one) or is_folder(one)]
    found = [one for one in found if one not in used]
    return f"./{found[0].relative_to(folder)}" if len(found) == 1 else None


def denied(path: Path) -> Problem | None:
    """Return the problem of a file or folder that this user may not read."""
    if (closed := closed_folder(path)) is not None:
        return f"{path} cannot be read: you may not open its folder", _sentence(access_fix(closed, "rx"))
    if (is_file(path) or is_folder(path)) and not os.access(path, os.R_OK):
        return f"{path} cannot be read", _sentence(access_fix(path, "rx" if is_folder(path) else "r"))
    return None


def _sentence(fix: str) -> str:
    return f"{fix[:1].upper()}{fix[1:]}"


def folder_problem(path: Path, uri: str, *files: str) -> Problem | None:
    """Return why `path`, or one of the `files` in it, cannot be read. `uri`: the path as in the file."""
    if is_file(path) and path.suffix == ".gguf":
        return f"{uri} is a GGUF file, which cannot be trained", "Use the model that it was made from, in safetensors"
    if is_file(path):
        return f"{uri} is a file", f"Name its folder: `{uri.rpartition('/')[0] or '.'}`"
    found = (denied(one) for one in (path, *(path / file for file in files)))
    if (problem := next((one for one in found if one is not None), None)) is not None:
        return problem
    if is_folder(path):
        return None
    problem, fix = absent(path, uri)
    return (problem if is_link(path) else f"The folder {problem}"), fix
