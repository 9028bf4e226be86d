"""The server's state: a safetensors file with one flat float32 tensor per name, each with the values of an update in
their order. The count of steps is in the manifest."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from fedtrain.adapters.header import TensorEntry
from fedtrain.adapters.layout import lay_out
from fedtrain_aggregator.errors import Refused
from fedtrain_aggregator.layout import Segment


def start_state(path: Path, tensors: Sequence[str], count: int) -> None:
    """Write the header of the first state to the empty file `path`, and give it its size. Raises OSError."""
    header, entries = lay_out(dict.fromkeys(tensors, ("F32", (count,))))
    with path.open("r+b") as file:
        file.write(header)
        file.truncate(len(header) + sum(entry.length for entry in entries.values()))


def segments_of(found: Mapping[str, TensorEntry], tensors: Sequence[str], count: int) -> dict[str, Segment]:
    """Return where a state file that holds `found` keeps each of `tensors`. Raises Refused if one is missing or has
    another size."""
    for name in tensors:
        if name not in found or found[name].dtype != "F32" or found[name].shape != (count,):
            raise Refused(
                f"The server state of the previous round has no float32 tensor {name} of {count} values. It belongs to "
                "another strategy or another adapter. Start a run with another name."
            )
    return {name: Segment(0, count, found[name].start) for name in tensors}
