"""A base model of one layer that `fedtrain validate` accepts: settings, tokenizer, template, weights."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SHAPES = {
    "model.embed_tokens.weight": (32, 8),
    "model.layers.0.self_attn.q_proj.weight": (8, 8),
    "model.layers.0.mlp.up_proj.weight": (16, 8),
    "model.layers.0.input_layernorm.weight": (8,),
}
CONFIG = {
    "model_type": "llama",
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "vocab_size": 32,
    "max_position_embeddings": 2048,
}


def write_base(folder: Path, *, template: str | None = CHATML, **config: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG | config))
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"type": "WordLevel"}}))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<|im_end|>"}))
    if template is not None:
        (folder / "chat_template.jinja").write_text(template)
    tensors = {name: np.zeros(shape, np.float32) for name, shape in SHAPES.items()}
    save_file(tensors, folder / "model.safetensors")
    return folder


def write_adapter(folder: Path, *, modules: Sequence[str] = ("q_proj", "up_proj"), **config: Any) -> Path:
    """Write an adapter of `write_base`'s model, as PEFT saves it, for a training of rank 2."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = {"peft_type": "LORA", "base_model_name_or_path": "./base", "r": 2, "lora_alpha": 32}
    (folder / "adapter_config.json").write_text(json.dumps(plain | config))
    tensors = {
        f"base_model.model.model.layers.0.{module}.lora_{part}.weight": np.zeros((2, 2), np.float32)
        for module in modules
        for part in "AB"
    }
    save_file(tensors, folder / "adapter_model.safetensors")
    return folder
