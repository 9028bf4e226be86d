"""Options of `fedtrain convert` that name the columns of the data."""

from collections.abc import Mapping, Sequence
from typing import cast

from fedtrain.data.errors import DataError
from fedtrain.data.parsing import parse_each
from fedtrain.data.similar_columns import columns_of
from fedtrain.ledger.store import StoreError
from fedtrain.quoting import quoted


def first_columns(sources: Sequence[str], encoding: str) -> tuple[str, ...]:
    """Return the columns of the first row; none if it cannot be read."""
    from fedtrain.data.reader import local  # imports boto3

    try:
        for source in sources:
            for rows in parse_each(local(source), source, encoding=encoding):
                for parsed in rows:
                    value = parsed.value
                    return tuple(cast("dict[str, object]", value)) if isinstance(value, dict) else ()
    except (DataError, StoreError, OSError):
        pass
    return ()


def longest_first(row: Mapping[str, object]) -> list[str]:
    """Return the columns of a row, beginning with that of the most words, which is probably the prompt, and those after
    it."""
    names = list(row)
    words = [len(value.split()) if isinstance(value, str) else 0 for value in row.values()]
    at = words.index(max(words, default=0)) if names else 0
    return [*names[at:], *names[:at]]


def column_options(named: Mapping[str, str], names: Sequence[str]) -> str:
    """Return `--field` for a prompt and a completion: columns in `named`, else ones with similar names, else the next
    ones. `names`: of all columns."""
    given = {field: named[field] for field in ("prompt", "completion") if named.get(field) in names}
    others = [name for name in names if name not in given.values()]
    found = {**columns_of("PromptCompletion", {}, others), **given}
    free = [name for name in others if name not in found.values()]
    prompt = found["prompt"] or (free.pop(0) if len(names) > 1 and free else None)
    completion = found["completion"] or (free[0] if free else "answer")
    options = [f"--field {quoted(f'prompt={prompt}')}"] if prompt else []
    return " ".join([*options, f"--field {quoted(f'completion={completion}')}"])
