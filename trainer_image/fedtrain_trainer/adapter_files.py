"""Adapters as PEFT saves them: fp32 safetensors and `adapter_config.json`, the same bytes for the same content."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save

from fedtrain.api.model import Model
from fedtrain_trainer.outcome import Refused

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
_SHOWN = 200
"""Characters of a value in a message: the hub's values have any length."""


def write_weights(tensors: Mapping[str, torch.Tensor], target: Path) -> Path:
    """Writes fp32 tensors by name; safetensors sorts them. Raises OSError."""
    held = {name: tensor.detach().to("cpu", torch.float32).contiguous() for name, tensor in tensors.items()}
    target.write_bytes(save(held, metadata={"format": "pt"}))
    return target


def read_weights(source: Path) -> dict[str, torch.Tensor]:
    """Raises Refused if it is not a safetensors file."""
    from safetensors import SafetensorError

    try:
        return load_file(source)
    except SafetensorError as error:
        raise Refused(f"{source}: not a safetensors file: {error}") from error


def config_of(model: Model) -> Any:
    """PEFT's LoraConfig for `model.adapter`. `base_model_name_or_path` and `revision` are what the file says."""
    from peft import LoraConfig

    adapter = model.adapter
    targets = adapter.target_modules
    return LoraConfig(
        r=adapter.rank,
        lora_alpha=int(adapter.alpha) if adapter.alpha.is_integer() else adapter.alpha,  # pyright: ignore[reportArgumentType]
        lora_dropout=adapter.dropout,
        target_modules="all-linear" if targets.type == "AllLinear" else list(targets.names or ()),
        bias="none",
        task_type="CAUSAL_LM",
        base_model_name_or_path=model.base,
        revision=model.revision,
    )


def write_config(config: Any, target: Path) -> Path:
    """`adapter_config.json` of an adapter that is ready for inference; sets are sorted."""
    plain = config.to_dict() | {"inference_mode": True}
    target.write_text(json.dumps(plain, default=_plain, indent=2, sort_keys=True) + "\n")
    return target


def read_config(source: Path) -> Any:
    """The LoraConfig of an `adapter_config.json`. Raises Refused for what fedtrain doesn't train."""
    from peft import LoraConfig, PeftConfig

    try:
        config = PeftConfig.from_pretrained(str(source.parent))
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"{source}: PEFT does not understand this adapter config: {error}") from error
    if not isinstance(config, LoraConfig):
        raise Refused(f"{source}: an adapter of type {config.peft_type}; fedtrain trains LoRA")
    if config.use_dora or config.bias != "none" or config.modules_to_save or config.rank_pattern:
        raise Refused(f"{source}: plain LoRA only: no DoRA, biases, saved modules or ranks by layer")
    return config


_NAMES = {"inference_mode", "peft_version", "base_model_name_or_path", "revision"}
"""Fields of a config that do not change the adapter."""


def same_adapter(sent: Any, wanted: Any) -> None:
    """Raises Refused for each field of the hub's config that differs from that of the task's adapter."""
    theirs, ours = sent.to_dict(), wanted.to_dict()
    if differing := [name for name in sorted(set(ours) - _NAMES) if theirs[name] != ours[name]]:
        both = "; ".join(f"{name} is {_shown(theirs[name])}, not {_shown(ours[name])}" for name in differing)
        raise Refused(f"the run's adapter is not the one of the task's model.adapter: {both}")


def _shown(value: object) -> str:
    text = json.dumps(value, default=_plain)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _plain(value: object) -> object:
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
