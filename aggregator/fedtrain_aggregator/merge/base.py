"""The interface of the merge stage: which tensors of a LoRA adapter the participants train."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Merge:
    """`trains` says whether an update holds the tensor of this name; tensors that it does not hold are copied from the
    previous global adapter. `trained` names those tensors in error messages."""

    name: str
    trains: Callable[[str], bool]
    trained: str
