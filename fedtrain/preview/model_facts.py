"""Sizes of a base model and its adapter, read from `config.json` and the headers of the weights only.

An estimate for `fedtrain plan`. A run reads the sizes from the loaded model when it creates the initial adapter.
"""

import json
from pathlib import Path
from typing import Any

from fedtrain.adapters.errors import AdapterFileError
from fedtrain.api.reading.federation import Federation
from fedtrain.contracts.records import ModelFacts
from fedtrain.data.base_files import tensors_of, weight_files
from fedtrain.data.errors import DataError
from fedtrain.data.hub_cache import cached_folder
from fedtrain.preview.adapter_coverage import coverage


def base_facts(federation: Federation) -> ModelFacts | None:
    """Return the sizes if the base model is a local folder, or in the local hub cache, with safetensors weights."""
    model = federation.training.spec.model
    folder = base_folder(federation)
    if folder is None:
        return None
    try:
        config = json.loads((folder / "config.json").read_bytes())
        tensors = list(tensors_of([folder / name for name in weight_files(folder)]))
    except (OSError, ValueError, AdapterFileError, DataError):
        return None
    text: dict[str, Any] = config.get("text_config") or config
    hidden = _first(text, "hidden_size", "n_embd", "d_model")
    layers = _first(text, "num_hidden_layers", "n_layer", "num_layers")
    vocabulary = _first(text, "vocab_size")
    if hidden is None or layers is None or vocabulary is None or not tensors:
        return None
    return ModelFacts(
        base_parameters=sum(tensor.elements for tensor in tensors),
        adapter_parameters=coverage(tensors, model.adapter).parameters,
        hidden_size=hidden,
        layers=layers,
        vocabulary=vocabulary,
    )


def base_folder(federation: Federation) -> Path | None:
    """Return the folder of the base model, or of its copy in the local hub cache; None if it is not on this machine."""
    model = federation.training.spec.model
    here = Path(federation.resolve(model.base))
    if here.is_dir():
        return here
    return cached_folder(model.base, model.revision)


def _first(config: dict[str, Any], *fields: str) -> int | None:
    return next((config[field] for field in fields if isinstance(config.get(field), int)), None)
