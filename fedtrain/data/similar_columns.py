"""Which column of a table is meant by a field of a format, when it has another name."""

from collections.abc import Mapping, Sequence

from fedtrain.api.data import Format
from fedtrain.api.similar_words import nearest
from fedtrain.data.formats import FORMATS

_OTHER_NAMES = {
    "prompt": ("question", "query", "input", "instruction", "user", "source", "request", "frage", "text"),
    "completion": ("answer", "output", "response", "reply", "label", "target", "assistant", "solution", "antwort"),
    "text": ("content", "body", "document", "story", "passage"),
    "messages": ("conversation", "conversations", "chat", "dialog", "dialogue", "turns"),
    "instruction": ("prompt", "question", "query", "task", "request"),
    "output": ("answer", "response", "completion", "target", "label", "reply"),
    "conversations": ("messages", "conversation", "chat", "dialog", "turns"),
}


def columns_of(name: Format, named: Mapping[str, str], names: Sequence[str]) -> dict[str, str | None]:
    """Return the column of each required field of the format: one with a similar name, or None. No column is used
    twice."""
    found: dict[str, str | None] = {}
    for wanted in FORMATS[name].required:
        set_name = named.get(wanted)
        free = [column for column in names if column not in found.values()]
        words = (*((set_name,) if set_name else ()), wanted, *_OTHER_NAMES.get(wanted, ()))
        found[wanted] = similar(words, free)
    return found


def similar(wanted: Sequence[str], names: Sequence[str]) -> str | None:
    """Return the name that is like one of the wanted ones, of which the first come first; None if none is."""
    return next(filter(None, (nearest(word, names, cutoff=0.8) for word in wanted)), None)
