"""`fedtrain validate` compares the adapter of `initialFrom` with the file before a run refuses it in round 0."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from valid_base import SHAPES, write_adapter
from validated_data import FILE, errors, federation, validate

from fedtrain.contracts.digests import digest_file


def starting(folder: Path, targets: str = "{type: AllLinear}", **adapter: Any) -> Path:
    """A federation that starts from an adapter with these modules and this config."""
    file = federation(folder)
    weights = write_adapter(folder / "adapter", **adapter) / "adapter_model.safetensors"
    initial = f"adapter: {{initialFrom: {{uri: ./adapter, digest: '{digest_file(weights)}'}}, "
    file.write_text(FILE.format(format="Text", targets=targets, length=512).replace("adapter: {", initial))
    return file


def test_an_adapter_of_this_model_is_valid(tmp_path: Path) -> None:
    assert validate(starting(tmp_path)).exit_code == 0
    assert validate(starting(tmp_path, base_model_name_or_path="/models/base")).exit_code == 0
    assert validate(starting(tmp_path, "{type: Names, names: [q_proj]}", modules=("q_proj",))).exit_code == 0


@pytest.mark.parametrize(
    ("adapter", "error"),
    [
        (
            {"r": 8},
            "spec.model.adapter.rank: model.adapter.rank is 2, but the adapter of model.adapter.initialFrom has rank "
            "8. Set `rank: 8`.",
        ),
        (
            {"lora_alpha": 16},
            "spec.model.adapter.alpha: model.adapter.alpha is 32, but the adapter of model.adapter.initialFrom has "
            "alpha 16. Set `alpha: 16`.",
        ),
        (
            {"base_model_name_or_path": "org/other"},
            "spec.model.base: The adapter of model.adapter.initialFrom was trained on org/other, but model.base is "
            "./base. Use the base model org/other, or another adapter.",
        ),
        ({"use_rslora": True}, "spec.model.adapter.initialFrom.uri: The adapter is scaled by alpha / sqrt(rank)"),
        (
            {"modules": ("q_proj",)},
            "spec.model.adapter.targetModules: model.adapter.targetModules is AllLinear (q_proj and up_proj), but the "
            "adapter of model.adapter.initialFrom changes q_proj. Write `targetModules: {type: Names, names: "
            "[q_proj]}`.",
        ),
    ],
    ids=lambda one: next(iter(one)) if isinstance(one, dict) else "",
)
def test_a_difference_names_the_field_its_value_and_the_fix(
    tmp_path: Path, adapter: dict[str, Any], error: str
) -> None:
    (line,) = errors(starting(tmp_path, **adapter))
    assert error in line


@pytest.mark.parametrize(
    "name", ["model.decoder.embed_positions.weight", "position_embeddings.weight", "token_type_embeddings.weight"]
)
def test_embeddings_are_not_layers_of_all_linear(tmp_path: Path, name: str) -> None:
    file = starting(tmp_path)
    tensors = {one: np.zeros(shape, np.float32) for one, shape in (SHAPES | {name: (16, 8)}).items()}
    save_file(tensors, tmp_path / "base/model.safetensors")
    result = validate(file)
    assert result.exit_code == 0, result.output
    assert "80 trained parameters for all linear layers except the output head" in result.stdout


@pytest.mark.parametrize("name", ["model.layers.1.eh_proj.weight", "vision_tower.layers.0.fc1.weight"])
def test_weights_that_are_not_loaded_are_not_missed_in_an_adapter(tmp_path: Path, name: str) -> None:
    file = starting(tmp_path)
    tensors = {
        **{one: np.zeros(shape, np.float32) for one, shape in SHAPES.items()},
        name: np.zeros((8, 8), np.float32),
    }
    save_file(tensors, tmp_path / "base/model.safetensors")
    assert validate(file).exit_code == 0, validate(file).output


def test_layers_that_only_later_blocks_have_may_be_adapted(tmp_path: Path) -> None:
    file = starting(tmp_path, modules=("q_proj", "up_proj", "in_proj"))
    assert "changes in_proj, q_proj and up_proj" in errors(file)[0]
    shapes = {**SHAPES, "model.layers.1.mixer.in_proj.weight": (8, 8)}
    tensors = {one: np.zeros(shape, np.float32) for one, shape in shapes.items()}
    save_file(tensors, tmp_path / "base/model.safetensors")
    assert validate(file).exit_code == 0


def test_all_differences_are_shown_at_once(tmp_path: Path) -> None:
    lines = errors(starting(tmp_path, "{type: Names, names: [up_proj]}", r=8, lora_alpha=16))
    assert {line.split(" ")[1] for line in lines} == {
        "spec.model.adapter.rank:",
        "spec.model.adapter.alpha:",
        "spec.model.adapter.targetModules:",
    }


@pytest.mark.parametrize("file", ["adapter_config.json", "adapter_model.safetensors"])
def test_an_adapter_that_cannot_be_read_is_an_error(tmp_path: Path, file: str) -> None:
    training = starting(tmp_path)
    (tmp_path / "adapter" / file).write_text("[1]")
    digest = digest_file(tmp_path / "adapter/adapter_model.safetensors")
    text = training.read_text()
    begin = text.index("blake3:")
    training.write_text(text.replace(text[begin : begin + len(digest)], digest))
    (line,) = errors(training)
    assert f"spec.model.adapter.initialFrom.uri: {tmp_path / 'adapter' / file}" in line
