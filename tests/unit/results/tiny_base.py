"""A tiny random base model with a tokenizer of words, and a trained adapter for it."""

from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from tests.support.ledger_by_hand import SPEC, Hand


def words() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({f"w{i}": i for i in range(31)} | {"<unk>": 31}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()  # pyright: ignore[reportAttributeAccessIssue]
    return tokenizer


def write_base(folder: Path) -> None:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=32, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2
    )
    LlamaForCausalLM(config).save_pretrained(str(folder))
    PreTrainedTokenizerFast(tokenizer_object=words(), unk_token="<unk>").save_pretrained(str(folder))


def train_one_round(hand: Hand, base: Path, tmp_path: Path) -> None:
    """Write a run of one round over that base; its adapter after the round changes what the model says."""
    settings = LoraConfig(r=2, lora_alpha=4, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), settings)
    model.save_pretrained(str(tmp_path / "peft"))
    tensors = load_file(tmp_path / "peft/adapter_model.safetensors")

    def adapter(round: int) -> bytes:
        generator = torch.Generator().manual_seed(round)
        return save({name: torch.randn(tensor.shape, generator=generator) * round for name, tensor in tensors.items()})

    hand.adapter, hand.config = adapter, (tmp_path / "peft/adapter_config.json").read_bytes()
    hand.spec = {**SPEC, "model": {"base": str(base), "adapter": {"rank": 2, "alpha": 4.0}}}
    hand.begin()
    hand.whole_round(1)
