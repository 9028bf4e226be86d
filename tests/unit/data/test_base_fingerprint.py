"""The fingerprint of a base model depends on what decides what it computes, and on nothing else."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from fedtrain.contracts.base_fingerprint import BaseFingerprint
from fedtrain.data.base_fingerprint import SAMPLE, fingerprint, fingerprint_in, why_other_base
from fedtrain.data.errors import DataError

SHAPES = {"embed.weight": (300, 16), "layers.0.weight": (200, 16), "layers.1.weight": (200, 16), "norm.weight": (16,)}
CONFIG = {"model_type": "llama", "rope": {"theta": 1e4}, "transformers_version": "5.0.0", "_name_or_path": "/tmp/x"}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "base"
    folder.mkdir()
    chance = np.random.default_rng(0)
    save_file({name: chance.random(shape, np.float32) for name, shape in SHAPES.items()}, folder / "model.safetensors")
    write(folder / "config.json", CONFIG)
    write(folder / "tokenizer.json", {"model": {}})
    write(folder / "tokenizer_config.json", {"eos_token": "<|end|>"})
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    return folder


def write(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content))


def shards(base: Path) -> None:
    """Divide the weights into two files."""
    tensors = load_file(base / "model.safetensors")
    (base / "model.safetensors").unlink()
    parts = {"model-1.safetensors": list(tensors)[::2], "model-2.safetensors": list(tensors)[1::2]}
    for file, names in parts.items():
        save_file({name: tensors[name] for name in names}, base / file, {"format": "pt"})
    index = {name: file for file, names in parts.items() for name in names}
    write(base / "model.safetensors.index.json", {"weight_map": index})


def differing(before: BaseFingerprint, after: BaseFingerprint) -> set[str]:
    return {name for name in BaseFingerprint.model_fields if getattr(before, name) != getattr(after, name)}


def test_a_copy_and_other_shards_have_the_same_fingerprint(base: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(base, tmp_path / "copy", copy_function=shutil.copyfile))
    for file in copy.iterdir():
        os.utime(file, (1, 1))
    assert fingerprint_in(copy) == fingerprint_in(base)
    shards(copy)
    assert fingerprint_in(copy) == fingerprint_in(base)


def test_one_file_beside_an_index_of_others_has_none(base: Path, tmp_path: Path) -> None:
    """transformers loads the one file, and the index names the others."""
    one = shutil.copyfile(base / "model.safetensors", tmp_path / "one")
    shards(base)
    shutil.copyfile(one, base / "model.safetensors")
    with pytest.raises(DataError, match="which names other files; remove one of the two"):
        fingerprint_in(base)


def test_where_and_by_which_version_it_was_saved_does_not_matter(base: Path) -> None:
    before = fingerprint_in(base)
    saved = dict(reversed(CONFIG.items())) | {"transformers_version": "6.0.0", "_name_or_path": "y", "dtype": "float32"}
    (base / "config.json").write_text(json.dumps(saved, indent=2))
    (base / "README.md").write_text("other words")
    (base / "original").mkdir()
    assert fingerprint_in(base) == before


@pytest.mark.parametrize("tensor", SHAPES)
def test_each_retrained_tensor_changes_the_weights(base: Path, tensor: str) -> None:
    before, file = fingerprint_in(base), base / "model.safetensors"
    tensors = load_file(file)
    tensors[tensor] += 1e-3
    save_file(tensors, file)
    assert differing(before, fingerprint_in(base)) == {"weights"}


@pytest.mark.parametrize("change", ["name", "dtype", "shape"])
def test_the_layout_of_tensors_is_part_of_the_weights(base: Path, change: str) -> None:
    before, file = fingerprint_in(base), base / "model.safetensors"
    tensors = load_file(file)
    norm = tensors.pop("norm.weight")
    if change == "dtype":
        tensors["norm.weight"] = norm.view(np.int32)
    else:
        tensors["norm.bias" if change == "name" else "norm.weight"] = norm if change == "name" else norm.reshape(4, 4)
    save_file(tensors, file)
    assert differing(before, fingerprint_in(base)) == {"weights"}


@pytest.mark.parametrize(
    ("file", "content", "part"),
    [
        ("config.json", CONFIG | {"rope": {"theta": 5e5}}, "settings"),
        ("generation_config.json", {"eos_token_id": 2}, "settings"),
        ("tokenizer.json", {"model": {"type": "BPE"}}, "tokenizer"),
        ("tokenizer_config.json", {"eos_token": "<|eos|>"}, "tokenizer"),
        ("chat_template.jinja", {}, "tokenizer"),
        ("vocab.json", {"a": 1}, "tokenizer"),
    ],
)
def test_settings_and_tokenizer_are_told_apart(base: Path, file: str, content: dict[str, Any], part: str) -> None:
    before = fingerprint_in(base)
    write(base / file, content)
    assert differing(before, fingerprint_in(base)) == {part}


class Counted:
    """A file that counts the bytes that are read."""

    def __init__(self, file: Path) -> None:
        self._content = file.read_bytes()
        self.size, self.read_bytes = len(self._content), 0

    def read(self, offset: int, length: int) -> bytes:
        self.read_bytes += length
        return self._content[offset : offset + length]


def test_little_is_read_of_each_tensor(base: Path) -> None:
    file = base / "model.safetensors"
    save_file({name: np.zeros((1000, 1000), np.float32) for name in SHAPES} | {"empty": np.zeros(0, np.float32)}, file)
    counted = Counted(file)
    assert fingerprint(base, {file.name: counted}) == fingerprint_in(base)
    assert counted.read_bytes < len(SHAPES) * SAMPLE + 1000


@pytest.mark.parametrize("content", [b"", b"\xff" * 100, b"\x02" + bytes(7) + b"[]", b"\x08" + bytes(7) + b'{"a": 1}'])
def test_a_damaged_file_is_refused_by_name(base: Path, content: bytes) -> None:
    (base / "model.safetensors").write_bytes(content)
    with pytest.raises(DataError, match=r"model\.safetensors .*; copy the base model again"):
        fingerprint_in(base)


def test_a_message_names_the_parts_that_differ(base: Path) -> None:
    before = fingerprint_in(base)
    write(base / "tokenizer.json", {})
    shutil.copy(base / "config.json", base / "generation_config.json")
    assert why_other_base("model.base /models/base", before, fingerprint_in(base)) == (
        "model.base /models/base: its settings and tokenizer or chat template files differ from those that round 0 "
        "recorded. The files changed since then, or it is another model"
    )
    assert why_other_base("/models/base", before, before) is None


def test_a_part_that_another_version_did_not_record_is_not_compared(base: Path) -> None:
    found = fingerprint_in(base)
    other = f"blake3:{'0' * 64}"
    assert why_other_base("base", BaseFingerprint(settings=found.settings), found) is None
    assert why_other_base("base", BaseFingerprint(settings=other), found) is not None
    assert why_other_base("base", BaseFingerprint(weights=other), BaseFingerprint(settings=found.settings)) is None
