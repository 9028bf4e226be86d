"""Check of an update's header: exactly the trained tensors, in order."""

from collections.abc import Mapping

from fedtrain.adapters.errors import AdapterFileError
from fedtrain.adapters.header import TensorEntry, header_bytes, parse_header
from fedtrain.ledger.store import ObjectReader
from fedtrain_aggregator.layout import Layout


class HeaderCheck:
    """Checks the headers of updates. Most are equal byte for byte, so each different one is parsed once in a row. For
    several threads."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._sound: tuple[int, bytes] | None = None

    def flaw(self, reader: ObjectReader) -> str | None:
        """Return why the file is not an update, by its header; None if it is one. Raises StoreError."""
        try:
            header = header_bytes(reader, "its file")
            if (reader.size, header) == self._sound:
                return None
            flaw = tensors_flaw(self._layout, parse_header(header, reader.size, "its file"))
        except AdapterFileError as error:
            return str(error).rstrip(".")
        if flaw is None:
            self._sound = reader.size, header
        return flaw


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
