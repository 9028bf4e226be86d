"""`model.adapter.initialFrom`: start from an adapter in PEFT's format, if it is one of this model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from fedtrain.contracts.digests import digest_file_like
from fedtrain.contracts.tasks import Assignment
from fedtrain.data.downloads import downloaded
from fedtrain_trainer.adapter_files import CONFIG, WEIGHTS, read_config, read_weights
from fedtrain_trainer.lora import AdaptedModel, fits
from fedtrain_trainer.outcome import Refused


def earlier_weights(assignment: Assignment, model: AdaptedModel) -> Mapping[str, torch.Tensor]:
    """The weights that `initialFrom` names. Raises Refused for another digest, or saying what does not fit."""
    initial = assignment.task.model.adapter.initial_from
    assert initial is not None, "only called where initialFrom is set"
    place = assignment.binding.initial_path or initial.uri
    is_remote = place.startswith("s3://")
    if is_remote and place.endswith(".safetensors"):  # its config is beside it
        at, name = downloaded(place.rpartition("/")[0], assignment.binding.places.base), place.rpartition("/")[2]
        weights = at / name
    else:
        root = downloaded(place, assignment.binding.places.base) if is_remote else Path(place.removeprefix("file://"))
        weights = root / WEIGHTS if root.is_dir() else root
    if not weights.is_file():
        raise Refused(f"model.adapter.initialFrom.uri {initial.uri}: no {WEIGHTS} there")
    if (found := digest_file_like(weights, initial.digest)) != initial.digest:
        raise Refused(
            f"model.adapter.initialFrom.uri {initial.uri}: {weights.name} has digest {found}, not {initial.digest}; "
            "correct the digest if this is the adapter that you mean"
        )
    if not (weights.parent / CONFIG).is_file():
        raise Refused(f"model.adapter.initialFrom.uri {initial.uri}: no {CONFIG} beside {weights.name}")
    try:
        _same_kind(read_config(weights.parent / CONFIG), model.config)
        tensors = read_weights(weights)
        fits(tensors, model.parameters)
        _finite(tensors)
    except Refused as refused:
        raise Refused(f"model.adapter.initialFrom.uri {initial.uri}: {refused}") from refused
    return tensors


def _finite(tensors: Mapping[str, torch.Tensor]) -> None:
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise Refused(f"{name} holds NaN or infinity. Use an adapter whose values are all finite")


def _same_kind(earlier: Any, wanted: Any) -> None:
    """Raises Refused for every way in which an adapter's config is not what `model` asks for."""
    differing: list[str] = []
    if not _same_base(str(earlier.base_model_name_or_path), str(wanted.base_model_name_or_path)):
        differing.append(f"its base is {earlier.base_model_name_or_path}, not {wanted.base_model_name_or_path}")
    if earlier.revision and wanted.revision and earlier.revision != wanted.revision:
        differing.append(f"its base has revision {earlier.revision}, not {wanted.revision}")
    if earlier.r != wanted.r:
        differing.append(f"its rank is {earlier.r}, not {wanted.r}")
    if earlier.lora_alpha != wanted.lora_alpha:
        differing.append(f"its alpha is {earlier.lora_alpha}, not {wanted.lora_alpha}")
    if earlier.use_rslora != wanted.use_rslora:
        differing.append("it is scaled as rsLoRA")
    if differing:
        raise Refused("the adapter is of another kind: " + "; ".join(differing) + "; correct model to match it")


def _same_base(one: str, other: str) -> bool:
    """Equal names, or equal last parts where one of them is a folder, for the same model can be in many places."""
    if one == other:
        return True
    is_folder = any(name.startswith((".", "/", "~", "s3://")) or Path(name).is_dir() for name in (one, other))
    return is_folder and one.rstrip("/").rpartition("/")[2] == other.rstrip("/").rpartition("/")[2]
