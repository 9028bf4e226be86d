"""Whether the settings of a base model fit its weights, and describe a model that generates text."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from fedtrain.adapters.header import TensorEntry
from fedtrain.data.base_files import BaseFiles
from fedtrain.data.model_types import USE_CAUSAL, model_types, not_causal

Problem = tuple[str, str]
"""Message and fix."""
_EMBEDDING = re.compile(r"(?:.*\.)?(?:embed_tokens|wte|word_embeddings|embed_in)\.weight")
_LAYER = re.compile(r".*?\b(?:layers|h|blocks)\.([0-9]+)\..*")
_NARROW = ("word_embed_proj_dim", "embedding_size")
"""Settings of models whose embeddings are narrower than their layers."""
_FIX = "Copy config.json and the weights from the same model."


def config_problems(base: BaseFiles) -> Iterator[Problem]:
    """Yield what contradicts the weights. Settings under other names are not checked."""
    file = base.folder / "config.json"
    nested = base.config.get("text_config")
    config = cast("dict[str, Any]", nested) if isinstance(nested, dict) else base.config
    if (other := not_causal(base.config)) is not None:
        yield f"{file} describes {other}.", USE_CAUSAL
    kind, known = base.model_type, model_types()
    if kind is not None and known and kind not in known:
        problem = f"{file} has model_type {kind!r}, which this version of transformers does not know."
        if "auto_map" in base.config:
            problem = f"{file} needs Python code of its own (auto_map), which is never run."
        yield problem, "Use another model, or a newer transformers."
    if differences := ", ".join(_differences(config, base.tensors)):
        yield f"{file} does not describe the weights: {differences}.", _FIX


def _differences(config: Mapping[str, Any], tensors: Sequence[TensorEntry]) -> Iterator[str]:
    """Yield each size of the settings that the weights do not have."""
    embedding = embedding_of(tensors)
    found: dict[str, int] = {}
    if embedding is not None and not any(name in config for name in _NARROW):
        found = dict(zip(("vocab_size", "hidden_size"), embedding.shape, strict=True))
    layers = _layers(tensors)
    if isinstance(said := config.get("num_hidden_layers"), int) and 0 < layers < said:  # more may be for other heads
        found["num_hidden_layers"] = layers
    for name, size in found.items():
        if isinstance(config.get(name), int) and config[name] != size:
            yield f"{name} is {config[name]} (weights: {size})"


def embedding_of(tensors: Sequence[TensorEntry]) -> TensorEntry | None:
    """Return the matrix with one row for each token."""
    return next((one for one in tensors if len(one.shape) == 2 and _EMBEDDING.fullmatch(one.name)), None)


def _layers(tensors: Sequence[TensorEntry]) -> int:
    """Return the number of layers that the names of the weights count."""
    return max((int(found[1]) + 1 for one in tensors if (found := _LAYER.fullmatch(one.name))), default=0)
