"""Loads the base model of a run, and checks that an adapter fits it.

This file, `merging.py` and `answering.py` are the only ones in `fedtrain` that import torch, transformers and peft.
"""

# pyright: basic
# (transformers types little of what it returns)

import re
from pathlib import Path
from typing import Any

from fedtrain.adapters.header import HeaderFile, read_header
from fedtrain.adapters.quiet import quiet
from fedtrain.api.base_model_folder import not_a_base
from fedtrain.api.model import Model
from fedtrain.ledger.store import StoreError

_FACTOR = re.compile(r"(?:base_model\.model\.)?(?P<layer>.+)\.lora_(?P<factor>[AB])\.weight")


def load_base(base: str, run: Model, adapter: Path, needed_by: str, *, computed: bool = False) -> tuple[Any, Any]:
    """Return the base model, in its dtype, and its tokenizer. `base`: a folder, or a model id with the revision in the
    run's file. `run`: the model of the run's spec. `adapter`: folder of an adapter that must fit. `needed_by`: the
    command, for an error. `computed`: in the dtype that trainers compute in, so that answers are as in evaluations.
    Raises StoreError naming the base if it cannot be loaded or the adapter does not fit it."""
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise StoreError(f"{needed_by} needs the extra `trainer`. Run pip install 'fedtrain[trainer]'.") from error

    quiet()
    if base.startswith("s3://"):
        raise StoreError(
            f"The base model {base} is in a bucket. Copy it to a folder (`aws s3 cp --recursive {base} base`) and name "
            "it with --base."
        )
    is_folder = Path(base).is_dir()
    if not is_folder and (run.revision is None or base.startswith((".", "/", "~"))):
        raise StoreError(f"The folder {base} with the base model does not exist. Name an existing folder with --base.")
    if is_folder and (contents := not_a_base(Path(base))) is not None:
        raise StoreError(f"{base} contains {contents}. Use --base with the base model of this run, {_named(run)}.")
    wanted = {} if is_folder else {"revision": run.revision}
    dtype = _computed() if computed else "auto"
    try:
        model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=dtype, **wanted)
        tokenizer: Any = AutoTokenizer.from_pretrained(base, **wanted)
    except MemoryError:
        raise
    except Exception as error:  # whatever the library raises about files
        raise StoreError(_not_loaded(base, is_folder, run)) from error
    if (difference := _difference(model, adapter / "adapter_model.safetensors")) is not None:
        raise StoreError(
            f"The adapter does not fit the base model {base}: {difference}. Use --base with the base model of this "
            f"run, {_named(run)}."
        )
    return model, tokenizer


def _computed() -> Any:
    """Return the dtype of `training.precision: Auto`."""
    import torch

    has_bf16 = torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if has_bf16 else torch.float32


def _named(run: Model) -> str:
    return f"{run.base} at revision {run.revision}" if run.revision else run.base


def _not_loaded(base: str, is_folder: bool, run: Model) -> str:
    if not is_folder:
        return (
            f"The base model {base} cannot be loaded from Hugging Face. Check the network and HF_TOKEN, or download "
            f"it (`hf download {base}`) and name the folder with --base."
        )
    return (
        f"The base model in {base} cannot be loaded: a file is missing, damaged or of an unknown type. Use --base with "
        f"a complete copy of {_named(run)}."
    )


def _difference(model: Any, weights: Path) -> str | None:
    """Return the first layer of the adapter that the model lacks or has in another shape."""
    layers = dict(model.named_modules())
    for tensor in read_header(HeaderFile(weights), str(weights)).values():
        found = _FACTOR.fullmatch(tensor.name)
        if found is None:
            continue
        layer = layers.get(found["layer"])
        weight = getattr(layer, "weight", None)
        if weight is None:
            return f"it has no layer {found['layer']}, which the adapter changes"
        size = "input" if found["factor"] == "A" else "output"
        needed, present = tensor.shape[-1 if size == "input" else 0], _sizes(layer)[size]
        if needed != present:
            return f"{found['layer']} has {size} size {present}, but the adapter needs {needed}"
    return None


def _sizes(layer: Any) -> dict[str, int]:
    """Return the sizes of a linear layer. transformers' Conv1D has the transposed weight."""
    first, second = layer.weight.shape
    if hasattr(layer, "out_features"):
        return {"input": second, "output": first}
    return {"input": first, "output": second}
