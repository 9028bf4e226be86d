"""The size of an update, which follows from the global adapter: the hub signs it before a participant trains."""

from collections.abc import Mapping

from fedtrain.adapters.header import TensorEntry
from fedtrain.adapters.layout import size_of

_FROZEN = ".lora_A."
"""In the names of tensors that are not trained, and not sent, with `trainOnlyB`."""


def update_size(adapter: Mapping[str, TensorEntry], *, train_only_b: bool) -> int:
    """Return the bytes of an update file of this adapter, whose tensors are float32."""
    sent = {name: ("F32", one.shape) for name, one in adapter.items() if not (train_only_b and _FROZEN in name)}
    return size_of(sent)
