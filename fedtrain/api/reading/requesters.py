"""A requester that is written as a word: the message also names the training of the files, which it would refuse."""

from collections.abc import Sequence
from typing import Any

from fedtrain.api.paths import Path
from fedtrain.api.reading.documents import Located
from fedtrain.api.reading.flow_style import flow
from fedtrain.api.reading.formatting import is_list, is_map
from fedtrain.api.reading.one_value import address

_FIELD = ("spec", "allow", "requesters")
_NAMES = {"namespace", "name"}


def of_this_training(path: Path, value: Any, documents: Sequence[Located]) -> str | None:
    """Return how to allow the training in `documents` too; None if the value means it, or is not a requester."""
    if path[: len(_FIELD)] != _FIELD or not isinstance(value, str) or len(path) > len(_FIELD) + 1:
        return None
    meant, training = address(value, _NAMES), _training(documents)
    if meant is None or training is None or "*" in value or training.items() >= meant.items():
        return None
    if any(_allows(one, training) for document in documents for one in _listed(document)):
        return None
    return f"The training of this file is `{flow(training)}`: list it too if you want to allow it."


def _training(documents: Sequence[Located]) -> dict[str, str] | None:
    """Return namespace and name of the training."""
    for document in documents:
        if document.at(("kind",)) == "FederatedTraining":
            names = {"namespace": document.at(("metadata", "namespace")) or "default"}
            names["name"] = document.at(("metadata", "name"))
            return names if all(isinstance(one, str) for one in names.values()) else None
    return None


def _listed(document: Located) -> list[Any]:
    listed = document.at(_FIELD)
    return listed if is_list(listed) else []


def _allows(one: Any, training: dict[str, str]) -> bool:
    meant = address(one, _NAMES) if isinstance(one, str) else one
    return is_map(meant) and training.items() >= meant.items()
