"""Which linear layers of a base model the adapter changes, from the names and shapes of its weights."""

from collections.abc import Sequence
from dataclasses import dataclass

from fedtrain.adapters.header import TensorEntry
from fedtrain.api.model import Adapter

_HEADS = ("lm_head", "embed_out")
_EMBEDDINGS = ("embed_tokens", "wte", "word_embeddings", "embed_in")
_NOT_LINEAR = (
    *_EMBEDDINGS,
    "embed_tokens_per_layer",
    "wpe",
    "embed_positions",
    "position_embeddings",
    "token_type_embeddings",
)
"""Matrices that are looked up, not multiplied: LoRA for linear layers does not fit them."""
_NOT_ADAPTED = (*_NOT_LINEAR, *_HEADS)
"""Layers that `AllLinear` excludes."""
TIED_HEAD = "which shares the embedding's weights"


@dataclass(frozen=True)
class Coverage:
    """`names`: last names of the adapted layers. `untouched`: of the other linear layers, the output head apart.
    `parameters`: of the adapter. `share`: of the weights in linear layers, those in adapted layers; an output head that
    shares the embedding's weights counts only if it is adapted. `head`: the name of the output head, or
    `TIED_HEAD`, if the adapter does not change it. `smallest`: dimension of the adapted layers; None without any."""

    names: tuple[str, ...]
    untouched: tuple[str, ...]
    parameters: int
    share: float
    head: str | None = None
    smallest: int | None = None


def coverage(tensors: Sequence[TensorEntry], adapter: Adapter | None, *, is_tied: bool = False) -> Coverage:
    """Return the coverage of `adapter`; None stands for one that covers all linear layers. `is_tied`: whether the
    settings say that the output head shares the embedding's weights; a head that is not in the file does too."""
    matrices = [(module, tensor) for tensor in tensors if (module := _matrix(tensor)) is not None]
    if adapter is not None:
        matrices += _tied_head(matrices, adapter)
    heads = [
        name
        for module, _ in matrices
        if (name := _last(module)) in _HEADS and (not is_tied or (adapter is not None and is_adapted(module, adapter)))
    ]
    names: set[str] = set()
    untouched: set[str] = set()
    parameters = adapted = linear = 0
    dimensions: list[int] = []
    for module, tensor in matrices:
        name = _last(module)
        is_inner = name not in _NOT_ADAPTED
        elements = tensor.elements if is_inner or name in heads else 0
        linear += elements
        if adapter is None or is_adapted(module, adapter):
            if adapter is not None or is_inner:
                names.add(name)
            parameters += (adapter.rank if adapter else 0) * sum(tensor.shape)
            adapted += elements
            dimensions += tensor.shape
        elif is_inner:
            untouched.add(name)
    share = adapted / linear if linear else 0.0
    adapts_head = adapter is not None and any(is_adapted(head, adapter) for head in _HEADS)
    head = None if adapts_head else next(iter(heads), TIED_HEAD)
    smallest = min(dimensions, default=None)
    return Coverage(tuple(sorted(names)), tuple(sorted(untouched)), parameters, share, head, smallest)


def _tied_head(matrices: Sequence[tuple[str, TensorEntry]], adapter: Adapter) -> list[tuple[str, TensorEntry]]:
    """Return the output head that the adapter changes and that is not in the file, with the embedding's weights."""
    embeddings = [tensor for module, tensor in matrices if _last(module) in _EMBEDDINGS]
    if not embeddings or any(_last(module) in _HEADS for module, _ in matrices):
        return []
    shared = max(embeddings, key=lambda tensor: tensor.elements)
    return [(head, shared) for head in _HEADS if is_adapted(head, adapter)]


def is_adapted(module: str, adapter: Adapter) -> bool:
    """Whether the adapter changes the linear layer of this name, as PEFT decides."""
    if adapter.target_modules.type == "Names":
        targets = adapter.target_modules.names or ()
        return any(module == target or module.endswith(f".{target}") for target in targets)
    return _last(module) not in _NOT_ADAPTED


def unknown_targets(tensors: Sequence[TensorEntry], adapter: Adapter) -> list[str]:
    """Return the names in `targetModules` that match no linear layer. An output head that shares the embedding's
    weights is not in the file, but is a layer."""
    if adapter.target_modules.type != "Names":
        return []
    modules = [
        module for tensor in tensors if (module := _matrix(tensor)) is not None and _last(module) not in _NOT_LINEAR
    ]
    return [
        target
        for target in adapter.target_modules.names or ()
        if target not in _HEADS and not any(module == target or module.endswith(f".{target}") for module in modules)
    ]


def _last(module: str) -> str:
    return module.rpartition(".")[2]


def _matrix(tensor: TensorEntry) -> str | None:
    """Return the name of the layer whose weight the tensor is, if it is a matrix."""
    module, _, kind = tensor.name.rpartition(".")
    return module if kind == "weight" and len(tensor.shape) == 2 else None
