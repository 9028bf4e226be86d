"""One row of data after its format was checked."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast
from unicodedata import normalize

from blake3 import blake3

from fedtrain.contracts.record_fields import Digest
from fedtrain.data.errors import DataError

Problem = Literal["RepeatedField", "RepeatedName", "UnknownRole", "BlankPrompt", "BlankAnswer", "JoinedWords"]

PROBLEMS: dict[Problem, str] = {
    "RepeatedField": "is in the row twice; the last value is used",
    "RepeatedName": "has the same name in an object twice; the last value is used",
    "UnknownRole": "is not one of system, developer, user, assistant, tool; a chat template may ignore the message",
    "BlankPrompt": "has only blanks, so the answer is learned without a question",
    "BlankAnswer": "has only blanks, so blanks are learned",
    "JoinedWords": (
        "ends with a word and the completion begins with one; texts are joined as they are, so begin the completion "
        "with a blank"
    ),
}


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=str).encode


@dataclass(frozen=True, slots=True)
class RowWarning:
    """A row that can be read, but is probably wrong. `field`: its path in the row."""

    field: str
    problem: Problem

    def text(self, where: str) -> str:
        return f'{where}: field "{self.field}" {PROBLEMS[self.problem]}'


Warnings = dict[Problem, tuple[int, str]]
"""By problem: the number of warnings, and the text of the first one."""


def count_warning(found: Warnings, warning: RowWarning, where: str) -> None:
    """Add a warning. `where`: place of its row."""
    count, first = found.get(warning.problem, (0, warning.text(where)))
    found[warning.problem] = (count + 1, first)


@dataclass(frozen=True, slots=True)
class Row:
    """`fields`, whatever names the data set uses, is one of

    - a conversation: `messages`, each with `role` and `content` and optionally `tool_calls`, `tool_call_id`, `name`,
      `reasoning_content`, and `weight: 0` if the turn is not learned; and optionally `tools`
    - `prompt`, `completion`
    - `instruction`, `output`, and optionally `input` and `system`
    - `text`

    and optionally `choices`. `where`: file and line, or row of a table."""

    where: str
    fields: dict[str, Any]
    warnings: tuple[RowWarning, ...] = ()


def answer(row: Row) -> str:
    """Return the text that metrics compare: the completion, the output, or the last assistant turn. Raises DataError
    if that turn has no text."""
    for field in ("completion", "output"):
        if field in row.fields:
            return row.fields[field]
    content: str = row.fields["messages"][-1]["content"]
    if not content:
        raise DataError(f"{row.where}: the last turn has no text to compare", "use `type: Loss` or `type: Perplexity`")
    return content


def kind(row: Row) -> frozenset[str]:
    """Return which fields the row has, also those of each role's messages: templates treat the same ones alike."""
    messages: list[dict[str, object]] = row.fields.get("messages", [])
    return frozenset((*row.fields, *(f"{message.get('role')}.{name}" for message in messages for name in message)))


def varied(rows: Iterable[Row], count: int) -> list[Row]:
    """Return the first `count` rows, and after them the first row of each further kind."""
    found: list[Row] = []
    kinds: set[frozenset[str]] = set()
    for row in rows:
        if len(found) < count or kind(row) not in kinds:
            found.append(row)
        kinds.add(kind(row))
    return found


def row_digest(fields: Mapping[str, object]) -> bytes:
    """Return a digest of the fields, to find repeated rows. Values without a JSON form (dates, bytes) count as text."""
    return blake3(_encode(fields).encode(errors="surrogatepass")).digest(length=16)


_NOT_NORMALIZED = ("\\", "  ", '" ', ' "')
"""In the ASCII JSON of each row that has a text which `_normalized` changes: most rows need not be normalized."""


def row_digests(fields: Mapping[str, object]) -> tuple[bytes, bytes]:
    """Return `row_digest`, and that of the row with normalized texts, which is equal for rows that differ only in
    blanks, line breaks or the Unicode form of characters."""
    text = _encode(fields)
    exact = blake3(text.encode(errors="surrogatepass")).digest(length=16)
    if text.isascii() and not any(one in text for one in _NOT_NORMALIZED):
        return exact, exact
    same = _encode(_normalized(fields))
    return exact, exact if same == text else blake3(same.encode(errors="surrogatepass")).digest(length=16)


def _normalized(value: object) -> object:
    """Return a value of a row with NFKC, single blanks for white space, and none at the ends of its texts."""
    if isinstance(value, str):
        return " ".join((value if value.isascii() else normalize("NFKC", value)).split())
    if isinstance(value, Mapping):
        return {name: _normalized(one) for name, one in cast("Mapping[str, object]", value).items()}
    return [_normalized(one) for one in cast("list[object]", value)] if isinstance(value, list | tuple) else value


def digest_of_rows(rows: Iterable[Row]) -> Digest:
    """Return BLAKE3 over the rows in order: the canonical JSON of each row's fields, a newline after each. It never
    leaves the participant, because it confirms guessed rows: see `fedtrain.data.mixed_rows.fingerprint_of`."""
    digest = blake3()
    for row in rows:
        digest.update(f"{_encode(row.fields)}\n".encode())
    return f"blake3:{digest.hexdigest()}"


def digest_in_any_order(rows: Iterable[Row]) -> Digest:
    """Return `digest_of_rows` of the rows sorted by their JSON: equal for the same rows in another order. Only for rows
    of the hub, whose records stay at the hub."""
    return digest_of_rows(sorted(rows, key=lambda row: _encode(row.fields)))
