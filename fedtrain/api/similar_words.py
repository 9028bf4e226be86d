"""Which of the known words a misspelt one means."""

import difflib
import re
from collections.abc import Iterable


def plain_form(word: str) -> str:
    """A word in lower case, without `_`, `-` and blanks."""
    return re.sub(r"[\s_-]", "", word).lower()


def similar(word: str, choices: Iterable[str], most: int, cutoff: float = 0.6) -> list[str]:
    """The most similar choices, ignoring case, `_`, `-` and blanks, the most similar one first."""
    forms = {plain_form(choice): choice for choice in choices}
    return [forms[one] for one in difflib.get_close_matches(plain_form(word), forms, n=most, cutoff=cutoff)]


def nearest(word: str, choices: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The most similar choice; None if none is similar."""
    return next(iter(similar(word, choices, 1, cutoff)), None)
