"""Merges an adapter into its base model. The only file in `fedtrain` that imports torch, transformers and peft."""

# pyright: basic
# (transformers types little of what it returns)

from pathlib import Path
from typing import Any

from safetensors import safe_open

from fedtrain.adapters.quiet import quiet
from fedtrain.ledger.store import StoreError


def merge(base: str, revision: str | None, adapter: Path, target: Path) -> None:
    """Write the merged model, in the base's dtype, and the base's tokenizer to `target`. Raises StoreError naming the
    base if it cannot be loaded or the adapter does not fit it."""
    try:
        from peft import PeftModel
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise StoreError(f"--merged needs the extra `trainer`: install `fedtrain[trainer]` ({error}).") from error

    quiet()
    if base.startswith("s3://"):
        raise StoreError(
            f"The base model {base} is in a bucket. Copy it to a folder (`aws s3 cp --recursive {base} base`) and name "
            "it with --base."
        )
    if not Path(base).is_dir() and (revision is None or base.startswith((".", "/", "~"))):
        raise StoreError(f"The folder {base} with the base model does not exist. Name it with --base.")
    wanted = {} if Path(base).is_dir() else {"revision": revision}
    try:
        model = AutoModelForCausalLM.from_pretrained(base, dtype="auto", **wanted)
        tokenizer = AutoTokenizer.from_pretrained(base, **wanted)
        if _adapts_embeddings(model, adapter):
            _untie(model)
        merged = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise StoreError(
            f"The adapter cannot be merged into {base}: {reason} Check that it is the base model of this run."
        ) from error
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
