"""The text of a file."""

import codecs
import os
from itertools import islice
from pathlib import Path

from fedtrain.api.places import is_folder, not_utf8
from fedtrain.api.reading.errors import FieldError, Invalid
from fedtrain.api.rules.disk import denied
from fedtrain.api.similar_words import nearest

_LOOKED_AT = 10_000
"""Names in a folder that are compared with a wrong path."""


def read_text(path: Path) -> str:
    """Return the file as text. Raises Invalid if it is missing, unreadable, empty, a folder or not UTF-8, or if its
    path is not UTF-8."""
    if (shown := not_utf8(path)) is not None:
        raise _invalid(path, f"The path {shown} is not UTF-8.", "Rename the folder or the file.")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise _invalid(path, "The file does not exist.", _correct(path)) from None
    except IsADirectoryError:
        inside = path / "federation.yaml"
        fix = f"Use {inside}." if inside.is_file() else "Use the path of a YAML file."
        if (path / "run.json").is_file():
            fix = "It is the folder of a run: use the federation file that it was run with."
        raise _invalid(path, "This is a folder, not a file.", fix) from None
    except PermissionError:
        problem = denied(path)
        fix = f"{problem[1]}." if problem else "Ask its owner."
        raise _invalid(path, "You may not read the file.", fix) from None
    except OSError as error:
        raise _invalid(
            path, f"The file cannot be read: {os.strerror(error.errno or 0)}.", "Correct the path or its permissions."
        ) from error
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise _invalid(path, "The file is UTF-16.", "Save it as UTF-8.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        message = f"Byte 0x{content[error.start]:02x} is not UTF-8."
        raise _invalid(path, message, "Save the file as UTF-8.", line, column) from None
    if not text.strip():
        raise _invalid(path, "The file is empty.", "Run `fedtrain init` to write an example.")
    return text


def _correct(path: Path) -> str:
    """Return the fix for a file that does not exist: the only YAML file beside it, or the one with a similar name."""
    folder = path.parent
    names = sorted(one.name for one in islice(folder.iterdir(), _LOOKED_AT)) if is_folder(folder) else []
    files = [name for name in names if name.endswith((".yaml", ".yml"))]
    near = nearest(path.name, files, cutoff=0.75) or (files[0] if len(files) == 1 else None)
    if near is None:
        return "Correct the path, or write an example with `fedtrain init`."
    return f"Use `{folder / near}`, or write an example with `fedtrain init`."


def _invalid(path: Path, message: str, fix: str, line: int = 0, column: int = 0) -> Invalid:
    return Invalid(
        [FieldError(file=str(path), line=line, column=column, path=(), value=None, message=message, fix=fix)]
    )
