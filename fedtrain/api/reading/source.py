"""The text of a file, or why there is none."""

import codecs
import os
from pathlib import Path

from fedtrain.api.reading.errors import FieldError, Invalid


def read_text(path: Path) -> str:
    """The file as text. Raises Invalid for no file, a folder, no permission, no UTF-8, nothing in it."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise _invalid(path, "There is no such file.", "Write one with `fedtrain init`.") from None
    except IsADirectoryError:
        inside = path / "federation.yaml"
        fix = f"Write {inside}." if inside.is_file() else "Name the YAML file in it."
        raise _invalid(path, "This is a folder, not a file.", fix) from None
    except OSError as error:
        raise _invalid(path, f"It can't be read: {os.strerror(error.errno or 0)}.", "") from error
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
        raise _invalid(path, "The file is empty.", "`fedtrain init` writes one to start from.")
    return text


def _invalid(path: Path, message: str, fix: str, line: int = 0, column: int = 0) -> Invalid:
    return Invalid(
        [FieldError(file=str(path), line=line, column=column, path=(), value=None, message=message, fix=fix)]
    )
