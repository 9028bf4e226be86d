"""Merges an adapter into its base model."""

# pyright: basic
# (transformers types little of what it returns)

from pathlib import Path
from typing import Any

from safetensors import safe_open

from fedtrain.api.model import Model
from fedtrain.data.hub_cache import cached_folder
from fedtrain.results.model_loading import load_base
from fedtrain.results.tokenizer_files import tokenizer_files


def merge(base: str, run: Model, adapter: Path, target: Path) -> None:
    """Write the merged model, in the base's dtype, and the base's tokenizer to `target`. `run`: the model of the run's
    spec. Raises StoreError naming the base if it cannot be loaded or the adapter does not fit it."""
    model, tokenizer = load_base(base, run, adapter, "--merged")
    from peft import PeftModel

    if _adapts_embeddings(model, adapter):
        _untie(model)
    merged = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
    merged.save_pretrained(target)
    _write_tokenizer(base, run, tokenizer, target)


def _write_tokenizer(base: str, run: Model, tokenizer: Any, target: Path) -> None:
    """Copy the base's files. transformers would write names of classes that other versions of it do not know."""
    folder = Path(base) if Path(base).is_dir() else cached_folder(base, run.revision)
    files = tokenizer_files(folder) if folder is not None else {}
    for name, content in files.items():
        (target / name).write_bytes(content)
    if not files:
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
