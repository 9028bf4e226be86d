"""The server's state: a safetensors file with one flat float32 tensor a name, each as long as what is trained, in the
order of an update's values. The count of steps is the manifest's."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from fedtrain.adapters.header import TensorEntry
from fedtrain.adapters.tensor_writer import TensorWriter
from fedtrain_aggregator.refused import Refused
from fedtrain_aggregator.trained import Piece


def write_zeros(path: Path, tensors: Sequence[str], count: int, block: int) -> None:
    """The state before the first step, written `block` values at a time. Raises OSError."""
    zeros = np.zeros(min(block, count), np.float32)
    with TensorWriter(path, dict.fromkeys(tensors, ("F32", (count,)))) as writer:
        for name in writer.order:
            for start in range(0, count, len(zeros)):
                writer.write(name, zeros[: count - start])


def places(found: Mapping[str, TensorEntry], tensors: Sequence[str], count: int) -> dict[str, Piece]:
    """Where each of `tensors` lies in a state file that holds `found`. Raises Refused if that is no such state."""
    for name in tensors:
        if name not in found or found[name].dtype != "F32" or found[name].shape != (count,):
            raise Refused(
                f"The server state of the round before has no float32 tensor {name} of {count} values. It is of "
                "another strategy or another adapter; start a run of another name."
            )
    return {name: Piece(0, count, found[name].start) for name in tensors}
