"""Why a base model cannot be loaded, with a fix. Libraries' own messages stay in the participant's log."""

from pathlib import Path

from huggingface_hub.errors import StrictDataclassError

from fedtrain.data.base_files import read_base
from fedtrain.data.model_types import USE_CAUSAL, not_causal

_LONGEST = 200


def base_fault(folder: Path, error: Exception) -> str:
    """Return what is wrong with the model in `folder`, for which transformers raised `error`, and the fix."""
    base = read_base(folder)
    if base.faults:
        problem, fix = base.faults[0]
        return f"{problem.removesuffix('.')}. {fix.removesuffix('.')}"
    if isinstance(error, ImportError):
        package = error.name or "a package"
        return f"it needs {package}, which is not installed here. Install it, or use another model"
    if isinstance(error, StrictDataclassError):
        said = str(error.__cause__ or error).splitlines()[-1].strip().rstrip(".")[:_LONGEST]
        return f"config.json is not valid: {said}. Correct it, or copy the base model again"
    if (other := not_causal(base.config)) is not None:
        return f"config.json describes {other}. {USE_CAUSAL.removesuffix('.')}"
    kind, method = base.config.get("model_type"), _quantization(base.config)
    if method is not None:
        return f"its weights are quantized ({method}). Use the model without quantization"
    if "auto_map" in base.config and not _is_known(kind):
        return "it needs Python code of its own (auto_map in config.json), which is never run. Use another model"
    if not _is_known(kind):
        return f"config.json has model_type {kind!r}, which this version of transformers does not know. {_NEWER}"
    return f"a file is missing or damaged ({type(error).__name__}). {_DETAILS}"


_NEWER = "Use another model, or a trainer image with a newer transformers"
_DETAILS = "Copy the base model again, or use another one; `fedtrain logs` prints the error of transformers"


def _quantization(config: dict[str, object]) -> str | None:
    found = config.get("quantization_config")
    return str(found.get("quant_method", "unknown method")) if isinstance(found, dict) else None


def _is_known(kind: object) -> bool:
    from transformers import CONFIG_MAPPING

    return kind in CONFIG_MAPPING
