"""Commands that load the base model, or copy its tokenizer, compare it with the one that the run began with."""

import json
import shutil
from pathlib import Path

import pytest
from tiny_base import train_one_round

from fedtrain.data.base_fingerprint import fingerprint_in
from tests.support.command_line import fedtrain
from tests.support.ledger_by_hand import Hand

DIFFER = "differ from those that round 0 recorded. The files changed since then, or it is another model."
ORIGINAL = "Put the original files back, or name a folder that has them with --base."


@pytest.fixture
def run(hand: Hand, base: Path, runs: Path, tmp_path: Path) -> Path:
    """A run of one round that has recorded its base model."""
    hand.base_fingerprint = fingerprint_in(base)
    train_one_round(hand, base, tmp_path)
    return runs / "default/quickstart"


def retrain(base: Path) -> None:
    """Change the last byte of the weights, which is in the middle of no large tensor."""
    file = base / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def change_tokenizer(base: Path) -> None:
    file = base / "tokenizer.json"
    settings = json.loads(file.read_text())
    vocabulary = settings["model"]["vocab"]
    vocabulary["w1"], vocabulary["w2"] = vocabulary["w2"], vocabulary["w1"]
    file.write_text(json.dumps(settings))


def one_line(text: str) -> str:
    return " ".join(text.split())


def test_the_base_of_the_run_is_used_wherever_it_is(run: Path, base: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(base, tmp_path / "copy")
    for options in ([], ["--base", copy]):
        exported = fedtrain("export", run, "--merged", "--out", tmp_path / "model", *options)
        assert (exported.exit_code, exported.stderr) == (0, ""), exported.stderr
        tried = fedtrain("try", run, "w3", "--max-tokens", "2", *options)
        assert tried.stderr == f"quickstart, round 1: loading {copy if options else base}\n"


def test_another_base_is_not_merged(run: Path, base: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(base, tmp_path / "copy")
    retrain(base)
    retrain(copy)
    default = fedtrain("export", run, "--merged", "--out", tmp_path / "model")
    named = fedtrain("export", run, "--merged", "--out", tmp_path / "model", "--base", copy)
    assert (default.exit_code, named.exit_code) == (1, 1)
    assert one_line(default.stderr) == f"error: model.base {base}: its weights {DIFFER} {ORIGINAL}"
    fix = f"Use `--base {base}`, the base model of this federation."
    assert one_line(named.stderr) == f"error: --base {copy}: its weights {DIFFER} {fix}"
    assert not (tmp_path / "model").exists()


def test_try_warns_of_another_base(run: Path, base: Path) -> None:
    retrain(base)
    tried = fedtrain("try", run, "w3", "--max-tokens", "2")
    assert tried.exit_code == 0
    warned = (
        f"warning: model.base {base}: its weights {DIFFER} {ORIGINAL} The answers are not those of the run's model."
    )
    assert warned in one_line(tried.stderr)


def test_an_adapter_is_exported_without_another_tokenizer(run: Path, base: Path, tmp_path: Path) -> None:
    retrain(base)
    exported = fedtrain("export", run, "--out", tmp_path / "adapter")
    assert (exported.exit_code, exported.stderr) == (0, ""), "the adapter's files have nothing of the weights"
    assert (tmp_path / "adapter/tokenizer.json").exists()
    change_tokenizer(base)
    exported = fedtrain("export", run, "--out", tmp_path / "adapter")
    why = f"its tokenizer or chat template files {DIFFER}"
    assert one_line(exported.stderr) == (f"note: the export has no tokenizer. model.base {base}: {why} {ORIGINAL}")
    assert exported.exit_code == 0
    assert not (tmp_path / "adapter/tokenizer.json").exists()
    named = fedtrain("export", run, "--out", tmp_path / "adapter", "--base", base)
    assert named.exit_code == 1
    assert one_line(named.stderr).startswith(f"error: --base {base}: {why}")


def test_a_run_that_recorded_no_base_is_not_compared(trained: Hand, base: Path, runs: Path, tmp_path: Path) -> None:
    retrain(base)
    exported = fedtrain("export", runs / "default/quickstart", "--merged", "--out", tmp_path / "model")
    assert (exported.exit_code, exported.stderr) == (0, "")


def test_the_note_on_a_name_is_about_what_is_exported(run: Path, tmp_path: Path) -> None:
    named = fedtrain("export", run, "--out", tmp_path / "adapter", "--base-name", "org/base")
    assert "the adapter fits it only if both are the same model. The model card identifies" in one_line(named.stderr)
    merged = fedtrain("export", run, "--merged", "--out", tmp_path / "model", "--base-name", "org/base")
    assert "was not compared with" in one_line(merged.stderr)
    assert "adapter" not in merged.stderr
    for folder in ("adapter", "model"):
        assert "fingerprint of the base model" in (tmp_path / folder / "README.md").read_text()


def test_a_name_that_is_not_a_model_id_is_refused_before_anything_is_said_of_it(run: Path, tmp_path: Path) -> None:
    refused = fedtrain("export", run, "--out", tmp_path / "adapter", "--base-name", "org/gloss--base")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("error: --base-name org/gloss--base is not a model id on Hugging Face: ")
