"""Opens data files, compressed or not, and decodes their lines."""

import gzip
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from io import BufferedReader, BytesIO, RawIOBase
from pathlib import Path
from typing import IO, cast

from fedtrain.api.data_files import is_gzip
from fedtrain.data.errors import DataError, NotUtf8, convert_command
from fedtrain.data.parsing.other_files import LENGTH, problem_of

UTF8_BOM = b"\xef\xbb\xbf"
UTF8 = "utf-8"
_ENCODINGS = (
    # start of a file, encoding
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


@contextmanager
def opened(file: Path, name: str, encoding: str = UTF8) -> Generator[BufferedReader]:
    """Open a file, decompressed; a text in another `encoding` is recoded in memory. Raises DataError, also while it is
    read."""
    try:
        with file.open("rb") as content:
            first = content.read(LENGTH)
        if (found := problem_of(first, file)) is not None:
            problem, fix = found
            raise DataError(f"{name}: {problem}", fix)
        with cast("BufferedReader", gzip.open(file) if is_gzip(file.name) else file.open("rb")) as content:
            yield content if encoding == UTF8 else _recoded(content, name, encoding)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{name}: not a complete gzip file", "compress it again") from error
    except OSError as error:
        problem = f"{name}: cannot be read ({error.strerror or type(error).__name__})"
        raise DataError(problem, "check the file and its permissions") from error


def _recoded(content: BufferedReader, name: str, encoding: str) -> BufferedReader:
    """Return the text in UTF-8. Raises DataError."""
    try:
        text = content.read().decode(encoding).encode()
    except UnicodeError as error:
        place = f" (byte {error.start + 1} of the file)" if isinstance(error, UnicodeDecodeError) else ""
        raise DataError(f"{name}: not {encoding}{place}", "name another encoding") from error
    return BufferedReader(cast("RawIOBase", BytesIO(text)))


def numbered_lines(content: IO[bytes], name: str) -> Iterator[tuple[int, bytes]]:
    """Yield the lines with their numbers from 1, without a byte order mark. Raises DataError for UTF-16 and UTF-32."""
    for number, line in enumerate(content, start=1):
        if number > 1:
            yield number, line
        elif (encoding := _wide_encoding(line)) is not None:
            rewrite = convert_command(name, f"--encoding {encoding}", "utf8")
            fix = f"save it as UTF-8; or rewrite it and use the new file: `{rewrite}`"
            raise DataError(f"{name}: the file is {encoding[:6].upper()}", fix)
        else:
            yield number, line.removeprefix(UTF8_BOM)


def _wide_encoding(start: bytes) -> str | None:
    """Return the encoding of a file that has several bytes for each character; None for other files. Without a byte
    order mark, the first character of JSON and of a header is ASCII, so one of its bytes is 0."""
    for mark, encoding in _ENCODINGS:
        if start.startswith(mark):
            return encoding
    if (zero := start[:2].find(0)) < 0:
        return None
    return "utf-16-be" if zero == 0 else "utf-16-le"


def decoded(line: bytes, where: str) -> str:
    """Return the text of a line. Raises DataError naming the byte, counted from 1 as in editors."""
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        rewrite = convert_command(where, "--encoding cp1252", "utf8")
        fix = f"save it as UTF-8; or, if Excel wrote it (often in cp1252), rewrite it and use the new file: `{rewrite}`"
        raise NotUtf8(f"{where}: not UTF-8 (byte {error.start + 1} of the line)", fix) from error
