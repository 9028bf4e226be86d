"""Messages for a value that is not one of the words of a field, or not a boolean."""

from collections.abc import Sequence
from typing import Any

from fedtrain.api.data import REQUIRED_FIELDS
from fedtrain.api.reading.described_choices import described_choices
from fedtrain.api.reading.flow_style import flow
from fedtrain.api.reading.formatting import is_list, is_map, shown
from fedtrain.api.reading.guarantees import explained_choices, is_guarantee, same_word
from fedtrain.api.reading.metric_types import NOT_COMPUTED, computed, is_metric_type
from fedtrain.api.reading.other_names import value_named
from fedtrain.api.reading.other_strategies import other_strategy
from fedtrain.api.reading.row_fields import formats
from fedtrain.api.shapes import FieldOf, Shape, describe
from fedtrain.api.similar_words import nearest

SWITCHES = {
    "true": "Enabled", "yes": "Enabled", "on": "Enabled", "enable": "Enabled",
    "false": "Disabled", "no": "Disabled", "off": "Disabled", "disable": "Disabled",
}  # fmt: skip
YES, NO = {"true", "yes", "on", "enabled", "1"}, {"false", "no", "off", "disabled", "none", "0"}
_SPANS = {"weekend": "Sat-Sun", "weekends": "Sat-Sun"} | dict.fromkeys(
    ("weekday", "weekdays", "workday", "workdays"), "Mon-Fri"
)
"""Words for several days."""
_WITHOUT = {"noiseLocation": "also accept noise that the hub adds"}
"""What holds without a field that takes one word."""


def choice(field: FieldOf, value: Any, shape: Shape, text: str | None, around: Any) -> tuple[str, str]:
    """Message and fix for `value`, which is not one of the words of `field`. `text`: the value as it is in the file.
    `around`: the list that has the value as an item."""
    if isinstance(value, dict | list):
        kind = "a map" if is_map(value) else "a list"
        problem = f"{field.name} is {kind}, but must be one word."
        return problem, _fixed_weights(value, shape) or _word_within(field, value, shape) or f"Use {describe(shape)}."
    word = shown(value) if isinstance(value, bool) else str(value)
    if fix := other_strategy(word, shape):
        return f"{shown(value, text)} is not a strategy of fedtrain.", fix
    guess = meant(word, shape.choices)
    if guess is None and set(shape.choices) == set(REQUIRED_FIELDS):
        return f"{shown(value, text)} is not a format of rows.", f"{formats()}."
    if is_list(around) and words_of_span(word, shape.choices):
        return f"{shown(value, text)} is not a valid value.", f"Write `{field.name}: {_spelled_out(around, shape)}`."
    if guess is None and is_metric_type(shape.choices):
        return f"{shown(value, text)} {NOT_COMPUTED}", f"Remove this metric, or use {computed()}."
    if guess is None and is_guarantee(shape.choices):
        return f"{shown(value, text)} is not a valid value.", f"Use {explained_choices(shape.choices)}."
    if guess is None or len(shape.choices) == 1:
        valid = described_choices(field, shape.choices) or describe(shape)
        if len(shape.choices) == 1 and not field.required:  # another word may mean what is so without the field
            without = f", or remove `{field.name}` to {_WITHOUT.get(field.name, 'get the default')}"
            return f"{shown(value, text)} is not a valid value.", f"Use {valid}{without}."
        return f"{shown(value, text)} is not a valid value.", f"Use {valid}."
    return f"{shown(value, text)} is not a valid value.", f"Did you mean `{guess}`?"


def switch(value: Any, text: str | None) -> tuple[str, str]:
    """Message and fix for `value`, which is not `true` or `false`."""
    word = str(value).lower()
    fix = "true" if word in YES else "false" if word in NO else "true` or `false"
    quoted = " because of its quotes" if word == value and word in ("true", "false") else ""
    kind = "a string, not a boolean" if isinstance(value, str) else "not a boolean"
    return f"{shown(value, text)} is {kind}{quoted}.", f"Write `{fix}`."


def meant(word: str, choices: Sequence[str]) -> str | None:
    """Return the choice that a word means; None if none is similar. In a field that decides about a guarantee, only
    the word itself."""
    if is_guarantee(choices):
        return same_word(word, choices)
    named = (SWITCHES.get(word.lower()), value_named(word))
    return next((one for one in named if one in choices), None) or nearest(word, choices)


def _fixed_weights(value: Any, shape: Shape) -> str | None:
    """The fix for `aggregation.weights` with a number for each participant."""
    numbers = is_map(value) and all(isinstance(one, int | float) for one in value.values())
    if "Fixed" not in shape.choices or not numbers:
        return None
    participants = [{"name": name, "weight": weight} for name, weight in value.items()]
    return f"Write `weights: Fixed`, and the weights in spec.participants: `participants: {flow(participants)}`."


def _word_within(field: FieldOf, value: Any, shape: Shape) -> str | None:
    """The fix for `{type: Cosine}` or `[Cosine]`: the only valid word in the value."""
    words = [str(one) for one in (value.values() if is_map(value) else value)]
    words += list(value) if is_map(value) else []
    found = list(dict.fromkeys(guess for word in words if (guess := meant(word, shape.choices))))
    return f"Write `{field.name}: {found[0]}`." if len(found) == 1 else None


def _spelled_out(words: list[Any], shape: Shape) -> str:
    """Return the list with every value of its spans, and with the words that are meant; unclear items are kept."""
    spans = [words_of_span(str(one), shape.choices) or [meant(str(one), shape.choices) or one] for one in words]
    values = [one for span in spans for one in span]
    return flow([one for at, one in enumerate(values) if one not in values[:at]])


def words_of_span(word: str, choices: Sequence[str]) -> list[str]:
    """Return all values of `Mon-Fri` or of `weekend`; empty for another word."""
    first, _, last = _SPANS.get(word.lower(), word).partition("-")
    if first not in choices or last not in choices:
        return []
    span = choices[choices.index(first) : choices.index(last) + 1]
    return list(span) if len(span) > 1 else []
