"""`model.adapter.initialFrom`: start from an adapter in PEFT's format, if it is one of this model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from fedtrain.adapters.initial_adapter import adapted_names, differences, different_targets
from fedtrain.api.model import Model
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
        folder, _, name = place.rpartition("/")
        weights = _copy(folder, name, assignment) / name
    else:
        root = _copy(place, WEIGHTS, assignment) if is_remote else Path(place.removeprefix("file://"))
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
        _same_kind(read_config(weights.parent / CONFIG), assignment.task.model)
        tensors = read_weights(weights)
        _same_targets(tensors, model, assignment.task.model)
        fits(tensors, model.parameters)
        _finite(tensors)
    except Refused as refused:
        raise Refused(f"model.adapter.initialFrom.uri {initial.uri}: {refused}") from refused
    return tensors


def _copy(uri: str, weights: str, assignment: Assignment) -> Path:
    """Return a local copy of an adapter in a bucket, without what lies beside it, such as checkpoints."""
    return downloaded(uri, assignment.binding.places.base, wanted=lambda file: file in (weights, CONFIG))


def _finite(tensors: Mapping[str, torch.Tensor]) -> None:
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise Refused(f"{name} holds NaN or infinity. Use an adapter whose values are all finite")


def _same_kind(config: Any, wanted: Model) -> None:
    """Raises Refused for every way in which an adapter's config is not what `model` asks for."""
    if found := list(differences(config.to_dict(), wanted)):
        raise Refused("; ".join(one.sentence for one in found))


def _same_targets(tensors: Mapping[str, torch.Tensor], model: AdaptedModel, wanted: Model) -> None:
    if (different := different_targets(tensors, adapted_names(model.parameters), wanted)) is not None:
        raise Refused(different.sentence)
