"""Which linear layers of a base model the adapter changes, from the names and shapes of its weights."""

from collections.abc import Sequence
from dataclasses import dataclass

from fedtrain.adapters.header import TensorEntry
from fedtrain.api.model import Adapter

NOT_ADAPTED = ("embed_tokens", "wte", "wpe", "lm_head", "embed_out", "word_embeddings", "embed_in")
"""Embeddings and output heads, which `AllLinear` excludes."""
_HEADS = ("lm_head", "embed_out")


@dataclass(frozen=True)
class Coverage:
    """`names`: last names of the adapted layers. `untouched`: of the other linear layers. `parameters`: of the adapter.
    `share`: of the parameters of linear layers, embeddings and output heads apart, those in adapted layers."""

    names: tuple[str, ...]
    untouched: tuple[str, ...]
    parameters: int
    share: float


def coverage(tensors: Sequence[TensorEntry], adapter: Adapter | None) -> Coverage:
    """Return the coverage of `adapter`; None stands for one that covers all linear layers."""
    names: set[str] = set()
    untouched: set[str] = set()
    parameters = adapted = linear = 0
    for tensor in tensors:
        if (module := _matrix(tensor)) is None:
            continue
        last = module.rpartition(".")[2]
        counts = last not in NOT_ADAPTED
        linear += tensor.elements if counts else 0
        if adapter is None or is_adapted(module, adapter):
            if adapter is not None or counts:
                names.add(last)
            parameters += (adapter.rank if adapter else 0) * sum(tensor.shape)
            adapted += tensor.elements if counts else 0
        elif counts:
            untouched.add(last)
    return Coverage(tuple(sorted(names)), tuple(sorted(untouched)), parameters, adapted / linear if linear else 0.0)


def is_adapted(module: str, adapter: Adapter) -> bool:
    """Whether the adapter changes the linear layer of this name, as PEFT decides."""
    if adapter.target_modules.type == "Names":
        targets = adapter.target_modules.names or ()
        return any(module == target or module.endswith(f".{target}") for target in targets)
    return module.rpartition(".")[2] not in NOT_ADAPTED


def unknown_targets(tensors: Sequence[TensorEntry], adapter: Adapter) -> list[str]:
    """Return the names in `targetModules` that match no linear layer. An output head that shares the embedding's
    weights is not in the file, but is a layer."""
    if adapter.target_modules.type != "Names":
        return []
    modules = [module for tensor in tensors if (module := _matrix(tensor)) is not None]
    return [
        target
        for target in adapter.target_modules.names or ()
        if target not in _HEADS and not any(module == target or module.endswith(f".{target}") for module in modules)
    ]


def _matrix(tensor: TensorEntry) -> str | None:
    """Return the name of the layer whose weight the tensor is, if it is a matrix."""
    module, _, kind = tensor.name.rpartition(".")
    return module if kind == "weight" and len(tensor.shape) == 2 else None
