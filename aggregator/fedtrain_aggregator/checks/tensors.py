"""Check of an update's header: exactly the trained tensors, in order."""

from collections.abc import Mapping

from fedtrain.adapters.header import TensorEntry
from fedtrain_aggregator.layout import Layout


def tensors_flaw(expected: Layout, found: Mapping[str, TensorEntry]) -> str | None:
    """Return why a file of these tensors is not an update; None if it is one."""
    for name, shape in expected.tensors.items():
        if name not in found:
            return f"its file lacks tensor {name}"
        if found[name].dtype != "F32":
            return f"tensor {name} is {found[name].dtype} instead of F32"
        if found[name].shape != shape:
            return f"tensor {name} has shape {list(found[name].shape)} instead of {list(shape)}"
    for name in found:
        if name not in expected.tensors:
            return f"its file has a tensor {name[:200]!r}, which is not trained in this run"
    in_file = sorted(found.values(), key=lambda entry: (entry.start, entry.name))
    if [entry.name for entry in in_file] != list(expected.tensors):
        return "its tensors are not in the order of their names"
    return None
