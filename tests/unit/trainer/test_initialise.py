"""Round 0 makes its adapter without the base model's weights."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from fedtrain_trainer.adapter_files import config_of, write_config, write_weights
from fedtrain_trainer.base import base_folder
from fedtrain_trainer.lora import Models, initial_weights
from fedtrain_trainer.outcome import Refused
from safetensors.torch import save_file
from tiny_federation import Federation, classified
from transformers import AutoModelForCausalLM, Qwen3MoeConfig

from fedtrain.contracts.canonical import canonical
from fedtrain.contracts.digests import digest_file
from fedtrain.contracts.exit_codes import EXIT_REFUSED

LFS = "version https://git-lfs.github.com/spec/v1\n"
INITIALISE = {"type": "Initialise", "seed": 17}


@pytest.mark.parametrize("kind", ["llama", "gpt2", "qwen2"])
def test_the_adapter_is_the_one_of_the_loaded_model_byte_for_byte(
    kind: str, tmp_path: Path, bases: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    federation = Federation(tmp_path, bases[kind], classified(5))
    config = config_of(federation.assignment(INITIALISE).task.model)
    loaded = Models().get(bases[kind], config, torch.float32, torch.device("cpu"))
    weights = write_weights(initial_weights(loaded, 17), tmp_path / "expected.safetensors")
    monkeypatch.setattr(Models, "get", None)  # the weights must not be loaded
    initial = federation.initialised()
    assert initial.adapter == digest_file(weights)
    assert initial.config == digest_file(write_config(loaded.config, tmp_path / "expected.json"))
    assert initial.facts == loaded.facts()


@pytest.mark.parametrize(("format", "date"), [("Messages", "2026-01-01"), ("Text", None)])
def test_the_date_of_a_chat_template_that_writes_one_is_recorded(
    format: str, date: str | None, tmp_path: Path, bases: dict[str, Path]
) -> None:
    base = Path(shutil.copytree(bases["llama"], tmp_path / "base"))
    federation = Federation(tmp_path, base, classified(5))
    federation.format["format"] = format
    (base / "chat_template.jinja").write_text("{{ strftime_now('%d %b %Y') }}{{ messages[0].content }}")
    initial = federation.initialised()
    assert initial.template_date == date
    assert (b"templateDate" in canonical(initial)) == (date is not None), "other runs keep their records' bytes"


def test_an_adapter_to_start_from_is_checked_without_the_weights(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = federation.exported(federation.initialised(), federation.weights(federation.trained()))
    weights = folder / "adapter_model.safetensors"
    later = Federation(federation.sibling("later"), Path(federation.model["base"]), classified(5))
    later.model["adapter"]["initialFrom"] = {"uri": str(folder), "digest": digest_file(weights)}
    monkeypatch.setattr(Models, "get", None)
    found = later.blob(later.initialised().adapter)
    assert all(bool((found[name] == tensor).all()) for name, tensor in federation_weights(weights).items())


def federation_weights(file: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(file)


def test_an_adapter_to_start_from_with_one_nan_is_refused(federation: Federation) -> None:
    folder = federation.exported(federation.initialised(), {})
    weights = folder / "adapter_model.safetensors"
    tensors = federation_weights(weights)
    name = sorted(tensors)[3]
    tensors[name].view(-1)[5] = float("nan")
    save_file(tensors, weights)
    later = Federation(federation.sibling("later"), Path(federation.model["base"]), classified(5))
    later.model["adapter"]["initialFrom"] = {"uri": str(folder), "digest": digest_file(weights)}
    refused = later.run(later.assignment(INITIALISE))
    assert refused.code == EXIT_REFUSED
    assert f"{name} holds NaN or infinity" in refused.reason


def test_fused_experts_are_refused_with_the_names_to_set(tmp_path: Path, bases: dict[str, Path]) -> None:
    base = tmp_path / "moe"
    shutil.copytree(bases["llama"], base, ignore=shutil.ignore_patterns("*.safetensors"))
    sizes: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 64, "moe_intermediate_size": 16, "num_experts": 4}
    sizes |= {"num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 300}
    AutoModelForCausalLM.from_config(Qwen3MoeConfig(**sizes)).save_pretrained(base)
    federation = Federation(tmp_path, base, classified(5))
    refused = federation.run(federation.assignment(INITIALISE))
    assert refused.code == EXIT_REFUSED
    assert "fuses its experts" in refused.reason
    assert "{type: Names, names: [k_proj, o_proj, q_proj, v_proj]}" in refused.reason
    named = {"type": "Names", "names": ["k_proj", "o_proj", "q_proj", "v_proj"]}
    federation.model["adapter"]["targetModules"] = named
    assert federation.initialised().facts.layers == 1


def test_only_the_weights_that_the_index_names_are_needed(tmp_path: Path, bases: dict[str, Path]) -> None:
    base = tmp_path / "sharded"
    shutil.copytree(bases["llama"], base, ignore=shutil.ignore_patterns("*.safetensors"))
    AutoModelForCausalLM.from_pretrained(bases["llama"]).save_pretrained(base, max_shard_size="40KB")
    index = json.loads((base / "model.safetensors.index.json").read_text())
    shards = sorted(set(index["weight_map"].values()))
    assert len(shards) > 1
    federation = Federation(tmp_path, base, classified(5))
    model, binding = federation.assignment(INITIALISE).task.model, federation.assignment(INITIALISE).binding
    assert base_folder(model, binding) == base
    (base / shards[-1]).unlink()
    with pytest.raises(Refused, match=f"{shards[-1]} not found"):
        base_folder(model, binding)


CONFIGS: list[tuple[dict[str, Any] | str, str]] = [
    ("{", "config.json is not a JSON object. Copy the base model again"),
    (
        LFS,
        "config.json is a Git LFS pointer, not the file. Run `git lfs pull` in the repository it comes from, "
        "and copy it again if it is a copy",
    ),
    ({"model_type": "newest"}, "config.json has model_type 'newest', which this version of transformers does not know"),
    (
        {"model_type": "llama", "hidden_size": 10, "num_attention_heads": 3},
        "config.json is not valid: The hidden size (10) is not a multiple of the number of attention heads "
        "(3). Correct it, or copy the base model again",
    ),
    (
        {"model_type": "llama", "num_hidden_layers": "two"},
        "config.json is not valid: Field 'num_hidden_layers' expected int, got str (value: 'two'). Correct it",
    ),
    ({"model_type": "own", "auto_map": {}}, "it needs Python code of its own (auto_map in config.json)"),
]


@pytest.mark.parametrize(("config", "words"), CONFIGS, ids=["damaged", "pointer", "unknown", "values", "type", "code"])
def test_a_base_that_transformers_cannot_load_is_refused_with_the_reason(
    config: dict[str, Any] | str, words: str, tmp_path: Path, bases: dict[str, Path]
) -> None:
    base = tmp_path / "broken"
    shutil.copytree(bases["llama"], base)
    (base / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    federation = Federation(tmp_path, base, classified(5))
    refused = federation.run(federation.assignment(INITIALISE))
    assert refused.code == EXIT_REFUSED
    assert words in refused.reason
