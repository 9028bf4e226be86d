"""Merges an adapter into its base model. The only file in `fedtrain` that imports torch, transformers and peft."""

# pyright: basic
# (transformers types little of what it returns)

import re
from pathlib import Path
from typing import Any

from safetensors import safe_open

from fedtrain.adapters.header import HeaderFile, read_header
from fedtrain.adapters.quiet import quiet
from fedtrain.api.model import Model
from fedtrain.ledger.store import StoreError

_FACTOR = re.compile(r"(?:base_model\.model\.)?(?P<layer>.+)\.lora_(?P<factor>[AB])\.weight")


def merge(base: str, run: Model, adapter: Path, target: Path) -> None:
    """Write the merged model, in the base's dtype, and the base's tokenizer to `target`. `run`: the model of the run's
    spec. Raises StoreError naming the base if it cannot be loaded or the adapter does not fit it."""
    try:
        from peft import PeftModel
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise StoreError("--merged needs the extra `trainer`. Run pip install 'fedtrain[trainer]'.") from error

    quiet()
    if base.startswith("s3://"):
        raise StoreError(
            f"The base model {base} is in a bucket. Copy it to a folder (`aws s3 cp --recursive {base} base`) and name "
            "it with --base."
        )
    is_folder = Path(base).is_dir()
    if not is_folder and (run.revision is None or base.startswith((".", "/", "~"))):
        raise StoreError(f"The folder {base} with the base model does not exist. Name it with --base.")
    wanted = {} if is_folder else {"revision": run.revision}
    try:
        model: Any = AutoModelForCausalLM.from_pretrained(base, dtype="auto", **wanted)
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
    if _adapts_embeddings(model, adapter):
        _untie(model)
    merged = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
    merged.save_pretrained(target)
    tokenizer.save_pretrained(target)


def _adapts_embeddings(model: Any, adapter: Path) -> bool:
    """Whether the adapter changes the input embeddings or the output head."""
    with safe_open(adapter / "adapter_model.safetensors", "pt") as tensors:
        names = set(tensors.keys())
    adapted = {name.removeprefix("base_model.model.").rpartition(".lora_")[0] for name in names}
    shared = {id(model.get_input_embeddings()), id(model.get_output_embeddings())}
    return any(id(module) in shared for name, module in model.named_modules() if name in adapted)


def _untie(model: Any) -> None:
    """Give the output head weights of its own. With shared weights, a change of one would be a change of both."""
    from torch import nn

    head, embeddings = model.get_output_embeddings(), model.get_input_embeddings()
    if head is None or head.weight is not embeddings.weight:
        return
    head.weight = nn.Parameter(embeddings.weight.detach().clone())
    for config in {id(config): config for config in (model.config, model.config.get_text_config())}.values():
        config.tie_word_embeddings = False


def _named(run: Model) -> str:
    return f"{run.base} at revision {run.revision}" if run.revision else run.base


def _not_loaded(base: str, is_folder: bool, run: Model) -> str:
    if not is_folder:
        return (
            f"The base model {base} cannot be loaded from the hub. Check the network and HF_TOKEN, or download it and "
            "name the folder with --base."
        )
    if not (Path(base) / "config.json").is_file():
        return f"{base} is not a model: it contains no config.json. Use --base with a copy of {_named(run)}."
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
