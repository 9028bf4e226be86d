"""The words that a field takes, each with its meaning, for a message about another word."""

import re
from collections.abc import Sequence

from fedtrain.api.descriptions import descriptions
from fedtrain.api.shapes import FieldOf
from fedtrain.listing import listed


def described_choices(field: FieldOf, choices: Sequence[str]) -> str | None:
    """Return "`Halt` (the run ends with the last adapter) or `Fail` (the run fails)": the first sentence that the
    field's description has after each word and a colon. None if a word has none."""
    if field.block is None:
        return None
    text = descriptions(field.block).get(field.attribute, "")
    found = dict(re.findall(r"`(\w+)`: ([^.]+?)\.(?= |$)", text))
    if not all(word in found for word in choices):
        return None
    return listed([f"`{word}` ({found[word]})" for word in choices], "or")
