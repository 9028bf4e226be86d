"""How an adapter to start from differs from the one that `spec.model` describes, by its `adapter_config.json`."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fedtrain.api.model import Model
from fedtrain.listing import listed

TARGETS = ("adapter", "targetModules")
_BASE, _REVISION = ("base",), ("revision",)
_URI = ("adapter", "initialFrom", "uri")
_LORA_DEFAULT = 8
"""Rank and alpha of PEFT's LoraConfig, for a config that leaves them out."""


@dataclass(frozen=True)
class Difference:
    """`field`: the field of `spec.model` to change."""

    field: tuple[str, ...]
    message: str
    fix: str

    @property
    def sentence(self) -> str:
        return f"{self.message.removesuffix('.')}. {self.fix.removesuffix('.')}"


def differences(config: Mapping[str, Any], model: Model) -> Iterator[Difference]:
    """Yield what `config` says and `model` does not, target modules apart: only the weights have all of their names."""
    adapter, base, revision = model.adapter, config.get("base_model_name_or_path"), config.get("revision")
    if isinstance(base, str) and not _same_base(base, model.base):
        yield Difference(
            _BASE,
            f"The adapter of model.adapter.initialFrom was trained on {base}, but model.base is {model.base}.",
            f"Use the base model {base}, or another adapter.",
        )
    if revision and model.revision and revision != model.revision:
        yield Difference(
            _REVISION,
            f"The adapter of model.adapter.initialFrom was trained on revision {revision} of the base model, but "
            f"model.revision is {model.revision}.",
            f"Set `revision: {revision}`, or use another adapter.",
        )
    for field, found, wanted in (
        ("rank", config.get("r", _LORA_DEFAULT), adapter.rank),
        ("alpha", config.get("lora_alpha", _LORA_DEFAULT), adapter.alpha),
    ):
        if found != wanted:
            yield Difference(
                ("adapter", field),
                f"model.adapter.{field} is {wanted:g}, but the adapter of model.adapter.initialFrom has {field} "
                f"{found}.",
                f"Set `{field}: {found}`.",
            )
    if config.get("use_rslora"):
        yield Difference(
            _URI,
            "The adapter is scaled by alpha / sqrt(rank) (use_rslora), but fedtrain scales by alpha / rank.",
            "Use another adapter.",
        )


def adapted_names(tensors: Iterable[str]) -> set[str]:
    """Return the last names of the layers that an adapter with these tensors changes."""
    return {name.rpartition(".lora_")[0].rpartition(".")[2] for name in tensors if ".lora_" in name}


def different_targets(tensors: Iterable[str], wanted: set[str], model: Model) -> Difference | None:
    """Return how the layers that the adapter's `tensors` are of differ from `wanted`, both by their last names."""
    found = adapted_names(tensors)
    if not found or found == wanted:
        return None
    is_all = model.adapter.target_modules.type == "AllLinear"
    ours = f"AllLinear ({_names(wanted)})" if is_all else _names(wanted)
    return Difference(
        TARGETS,
        f"model.adapter.targetModules is {ours}, but the adapter of model.adapter.initialFrom changes {_names(found)}.",
        f"Write `targetModules: {{type: Names, names: [{', '.join(sorted(found))}]}}`.",
    )


def _names(names: set[str]) -> str:
    return listed(sorted(names))


def _same_base(one: str, other: str) -> bool:
    """Equal names, or equal last parts where one of them is a folder, for the same model can be in many places."""
    if one == other:
        return True
    is_folder = any(name.startswith((".", "/", "~", "s3://")) or Path(name).is_dir() for name in (one, other))
    return is_folder and one.rstrip("/").rpartition("/")[2] == other.rstrip("/").rpartition("/")[2]
