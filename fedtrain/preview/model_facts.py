"""Sizes of a base model and its adapter, read from `config.json` and the headers of the weights only.

An estimate for `fedtrain plan`. A run reads the sizes from the loaded model when it creates the initial adapter.
"""

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from fedtrain.adapters.errors import AdapterFileError
from fedtrain.adapters.header import TensorEntry, read_header
from fedtrain.api.model import Adapter, Model
from fedtrain.api.reading.federation import Federation
from fedtrain.contracts.records import ModelFacts

NOT_ADAPTED = ("embed_tokens", "wte", "wpe", "lm_head", "embed_out", "word_embeddings", "embed_in")
"""Embeddings and output heads, which `AllLinear` excludes."""


def base_facts(federation: Federation) -> ModelFacts | None:
    """Return the sizes if the base model is a local folder, or in the local hub cache, with safetensors weights."""
    model = federation.training.spec.model
    folder = _folder(federation, model)
    if folder is None:
        return None
    try:
        config = json.loads((folder / "config.json").read_bytes())
        tensors = [tensor for file in sorted(folder.glob("*.safetensors")) for tensor in _tensors(file)]
    except (OSError, ValueError, AdapterFileError):
        return None
    text: dict[str, Any] = config.get("text_config") or config
    hidden = _first(text, "hidden_size", "n_embd", "d_model")
    layers = _first(text, "num_hidden_layers", "n_layer", "num_layers")
    vocabulary = _first(text, "vocab_size")
    if hidden is None or layers is None or vocabulary is None or not tensors:
        return None
    return ModelFacts(
        base_parameters=sum(tensor.elements for tensor in tensors),
        adapter_parameters=adapter_parameters(tensors, model.adapter),
        hidden_size=hidden,
        layers=layers,
        vocabulary=vocabulary,
    )


def adapter_parameters(tensors: list[TensorEntry], adapter: Adapter) -> int:
    """Return the number of adapter parameters: rank * (in + out) for each adapted matrix."""
    targets = adapter.target_modules.names if adapter.target_modules.type == "Names" else None
    total = 0
    for tensor in tensors:
        module, _, kind = tensor.name.rpartition(".")
        last = module.rpartition(".")[2]
        if kind == "weight" and len(tensor.shape) == 2:
            adapted = last in targets if targets is not None else last not in NOT_ADAPTED
            total += adapter.rank * sum(tensor.shape) if adapted else 0
    return total


def _folder(federation: Federation, model: Model) -> Path | None:
    here = Path(federation.resolve(model.base))
    if here.is_dir():
        return here
    if model.revision is None:
        return None
    try:
        hub: Any = import_module("huggingface_hub")
        cached = hub.try_to_load_from_cache(model.base, "config.json", revision=model.revision)
    except (ImportError, ValueError):  # the hub's HFValidationError is a ValueError
        return None
    return Path(cached).parent if isinstance(cached, str) else None


class _File:
    """A file as a source of `read_header`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.size = path.stat().st_size

    def read(self, offset: int, length: int) -> bytes:
        with self._path.open("rb") as content:
            content.seek(offset)
            return content.read(length)


def _tensors(file: Path) -> Iterator[TensorEntry]:
    yield from read_header(_File(file), str(file)).values()


def _first(config: dict[str, Any], *fields: str) -> int | None:
    return next((config[field] for field in fields if isinstance(config.get(field), int)), None)
