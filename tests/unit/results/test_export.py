"""An export is a folder that PEFT loads and that can be given away. It is atomic and replaces no other folder."""

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from tiny_base import words
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from fedtrain.api.model import Adapter, Model
from fedtrain.api.storage import S3, Storage
from fedtrain.contracts import names
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import LedgerCorrupt, ObjectMissing, StoreError
from fedtrain.results.export import default_target, export, export_merged
from fedtrain.results.summary import summarise
from tests.support.ledger_by_hand import SPEC, Hand

FEDTRAIN = str(Path(sys.executable).with_name("fedtrain"))


def test_peft_loads_the_export_with_the_ledgers_weights(trained: Hand, base: Path, tmp_path: Path) -> None:
    folder = export(trained.ledger, tmp_path / "adapter")
    assert sorted(file.name for file in folder.iterdir()) == [
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    assert (folder / "adapter_model.safetensors").read_bytes() == trained.adapter(1)
    plain = AutoModelForCausalLM.from_pretrained(base)
    tokens = torch.tensor([[1, 2, 3]])
    before = plain(tokens).logits
    after = PeftModel.from_pretrained(plain, str(folder))(tokens).logits
    assert not torch.allclose(before, after, atol=1e-3)


def test_the_cards_code_runs_once_a_base_in_a_bucket_is_copied(
    trained: Hand, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Hand(Ledger(trained.ledger.store, "default", "elsewhere"))
    elsewhere.adapter, elsewhere.config = trained.adapter, trained.config
    elsewhere.spec = {**SPEC, "model": {"base": "s3://federations/base", "adapter": {"rank": 2, "alpha": 4.0}}}
    elsewhere.begin()
    card = (export(elsewhere.ledger, tmp_path / "elsewhere-adapter") / "README.md").read_text()
    (copy,) = re.findall(r"aws s3 cp --recursive s3://federations/base (.+)", card)
    assert tmp_path / copy == base
    (code,) = re.findall(r"```python\n(.+?)```", card, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    made: dict[str, Any] = {}
    exec(code, made)
    assert isinstance(made["model"], PeftModel)
    assert len(made["answer"]) > 0


def test_the_cards_code_asks_a_chat_model(
    trained: Hand, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (base / "chat_template.jinja").write_text("{% for message in messages %}w1 {{ message.content }} {% endfor %}w2")
    chat = Hand(Ledger(trained.ledger.store, "default", "chat"))
    chat.adapter, chat.config = trained.adapter, trained.config
    chat.spec = {**SPEC, "model": {"base": str(base), "adapter": {"rank": 2, "alpha": 4.0}}}
    chat.spec = {**chat.spec, "data": {"dataset": "chats", "format": "Messages"}}
    chat.spec.pop("evaluation", None)
    chat.begin()
    card = (export_merged(chat.ledger, tmp_path / "model", str(base)) / "README.md").read_text()
    (code,) = re.findall(r"```python\n(.+?)```", card, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    made: dict[str, Any] = {}
    exec(code, made)
    assert made["ids"][0].tolist()[0] == 1
    assert made["ids"][0].tolist()[-1] == 2, "the template's beginning of an answer"
    assert len(made["answer"]) > 0


def test_an_export_contains_the_tokenizer_and_no_private_path(trained: Hand, base: Path, tmp_path: Path) -> None:
    settings = json.loads((base / "tokenizer_config.json").read_text())
    private = {"name_or_path": str(base), "vocab_file": f"{base}/vocab.json"}
    older = {"tokenizer_class": "PreTrainedTokenizerFast"}  # the name that transformers 4 knows
    (base / "tokenizer_config.json").write_text(json.dumps(settings | private | older))
    (base / "chat_template.jinja").write_text("{{ messages[0].content }}")
    adapter = export(trained.ledger, tmp_path / "adapter", base=base)
    tokenizer = AutoTokenizer.from_pretrained(adapter)
    assert tokenizer("w1 w2").input_ids == [1, 2]
    assert tokenizer.chat_template == "{{ messages[0].content }}"
    assert f'AutoTokenizer.from_pretrained("{adapter.name}")' in (adapter / "README.md").read_text()
    named = export(trained.ledger, tmp_path / "named", base=base, base_name="consortium/gloss-base")
    assert json.loads((named / "adapter_config.json").read_text())["base_model_name_or_path"] == "consortium/gloss-base"
    merged = export_merged(trained.ledger, tmp_path / "model", str(base))
    for folder in (adapter, merged):
        assert json.loads((folder / "tokenizer_config.json").read_text())["tokenizer_class"] == older["tokenizer_class"]
    for folder in (adapter, named, merged):
        for file in folder.iterdir():
            assert not {word for word in (str(tmp_path), str(Path.home()) + "/") if word.encode() in file.read_bytes()}


@pytest.mark.parametrize("targets", [["q_proj"], ["lm_head", "q_proj"], ["embed_tokens", "q_proj"]])
def test_merging_equals_the_adapter_for_tied_embeddings_and_a_resized_vocabulary(
    tmp_path: Path, targets: list[str]
) -> None:
    from fedtrain.results.merging import merge

    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=32,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        tie_word_embeddings=True,
    )
    model = LlamaForCausalLM(config)
    model.resize_token_embeddings(40, mean_resizing=False)
    model.save_pretrained(str(tmp_path / "base"))
    PreTrainedTokenizerFast(tokenizer_object=words()).save_pretrained(str(tmp_path / "base"))
    settings = LoraConfig(r=2, lora_alpha=4, target_modules=targets, task_type="CAUSAL_LM", init_lora_weights=False)
    get_peft_model(model, settings).save_pretrained(str(tmp_path / "adapter"), save_embedding_layers=False)
    (tmp_path / "model").mkdir()
    merge(str(tmp_path / "base"), Model(base="./base", adapter=Adapter()), tmp_path / "adapter", tmp_path / "model")
    tokens = torch.tensor([[1, 2, 39]])
    base = AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    apart = PeftModel.from_pretrained(base, str(tmp_path / "adapter"))(tokens).logits
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    assert merged.config.tie_word_embeddings == (targets == ["q_proj"]), "tied as long as both stay the same"
    torch.testing.assert_close(merged(tokens).logits, apart, rtol=1e-4, atol=1e-4)


def test_the_merged_model_says_what_base_and_adapter_say(trained: Hand, base: Path, tmp_path: Path) -> None:
    folder = export_merged(trained.ledger, tmp_path / "model", str(base))
    adapter = export(trained.ledger, tmp_path / "adapter")
    tokens = AutoTokenizer.from_pretrained(folder)("w1 w2 w3", return_tensors="pt").input_ids
    merged = AutoModelForCausalLM.from_pretrained(folder)(tokens).logits
    apart = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), str(adapter))(tokens).logits
    torch.testing.assert_close(merged, apart, rtol=1e-4, atol=1e-4)
    assert "merged" in (folder / "README.md").read_text()
    assert not (folder / "adapter_config.json").exists()


def test_a_base_that_is_not_there_is_named(trained: Hand, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"folder \./elsewhere .* --base"):
        export_merged(trained.ledger, tmp_path / "model", "./elsewhere")
    assert list(tmp_path.glob("*model*")) == []


def _wide(base: Path, folder: Path, **sizes: int) -> Path:
    """Write a copy of the base with other sizes."""
    settings = LlamaConfig.from_pretrained(base)
    settings.update(sizes)
    LlamaForCausalLM(settings).save_pretrained(str(folder))
    AutoTokenizer.from_pretrained(base).save_pretrained(str(folder))
    return folder


@pytest.mark.parametrize(
    ("sizes", "difference"),
    [
        (
            {"hidden_size": 32},
            r"model\.layers\.0\.mlp\.down_proj has output size 32, but the adapter needs 16",
        ),
        (
            {"intermediate_size": 64},
            r"model\.layers\.0\.mlp\.down_proj has input size 64, but the adapter needs 32",
        ),
        ({"num_hidden_layers": 0}, r"it has no layer model\.layers\.0\.mlp\.down_proj, which the adapter changes"),
    ],
)
def test_a_base_that_the_adapter_does_not_fit_is_refused(
    sizes: dict[str, int], difference: str, trained: Hand, base: Path, tmp_path: Path
) -> None:
    other = _wide(base, tmp_path / "other", **sizes)
    with pytest.raises(StoreError, match=difference) as refused:
        export_merged(trained.ledger, tmp_path / "model", str(other))
    assert str(refused.value).endswith(f". Use --base with the base model of this run, {base}.")


def test_a_truncated_base_is_refused_in_plain_words(trained: Hand, base: Path, tmp_path: Path) -> None:
    weights = base / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(StoreError) as refused:
        export_merged(trained.ledger, tmp_path / "model", str(base))
    assert str(refused.value) == (
        f"The base model in {base} cannot be loaded: a file is missing, damaged or of an unknown type. Use --base with "
        f"a complete copy of {base}."
    )


def test_an_earlier_round_is_exported_on_demand(finished: Hand, tmp_path: Path) -> None:
    folder = export(finished.ledger, tmp_path / "adapter", round=1)
    assert (folder / "adapter_model.safetensors").read_bytes() == finished.adapter(1)
    with pytest.raises(ObjectMissing, match=r"no round 4. Use a round from 0 \(before training\) to 3"):
        export(finished.ledger, tmp_path / "adapter", round=4)


def test_an_export_is_replaced_by_the_next(finished: Hand, tmp_path: Path) -> None:
    export(finished.ledger, tmp_path / "adapter", round=1)
    folder = export(finished.ledger, tmp_path / "adapter")
    assert (folder / "adapter_model.safetensors").read_bytes() == finished.adapter(3)
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


def test_the_current_folder_is_filled_and_stays(
    finished: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "adapter").mkdir()
    monkeypatch.chdir(tmp_path / "adapter")
    for number in (1, 3):  # an empty folder, and an earlier export
        export(finished.ledger, Path(), round=number)
        assert Path("adapter_model.safetensors").read_bytes() == finished.adapter(number)
        assert '"adapter")' in Path("README.md").read_text()
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


def test_a_folder_behind_a_link_is_filled_and_the_link_stays(finished: Hand, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "adapter").symlink_to("disk")
    for number in (1, 3):
        assert export(finished.ledger, tmp_path / "adapter", round=number) == tmp_path / "adapter"
        assert (tmp_path / "disk/adapter_model.safetensors").read_bytes() == finished.adapter(number)
    assert (tmp_path / "adapter").is_symlink()


def test_files_that_cannot_be_moved_into_the_current_folder_leave_the_earlier_ones(
    finished: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = export(finished.ledger, tmp_path / "adapter", round=1)
    monkeypatch.chdir(folder)
    rename = Path.rename

    def denied(self: Path, target: Path) -> Path:
        if self.parent.name.endswith(str(os.getpid())) and target.name == "adapter_model.safetensors":
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", denied)
    with pytest.raises(PermissionError) as refused:
        export(finished.ledger, Path())
    assert refused.value.filename == str(folder)
    assert Path("adapter_model.safetensors").read_bytes() == finished.adapter(1)
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


def test_a_folder_of_somebody_else_is_left_alone(finished: Hand, tmp_path: Path) -> None:
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter/thesis.txt").write_text("years of work")
    with pytest.raises(StoreError, match=r"is not an export of this run.*--out"):
        export(finished.ledger, tmp_path / "adapter")
    assert (tmp_path / "adapter/thesis.txt").read_text() == "years of work"


def test_an_adapter_of_another_run_or_program_is_left_alone(finished: Hand, tmp_path: Path) -> None:
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter/adapter_config.json").write_text("{}")
    (tmp_path / "adapter/README.md").write_text("# my adapter, run 0123456789")
    with pytest.raises(StoreError, match=r"is not an export of this run\. Choose another folder with --out"):
        export(finished.ledger, tmp_path / "adapter")
    assert (tmp_path / "adapter/README.md").read_text() == "# my adapter, run 0123456789"


@pytest.mark.parametrize("mine", ["mine.txt", "eval/mine.txt"])
def test_an_export_with_a_file_of_the_user_is_left_alone(finished: Hand, tmp_path: Path, mine: str) -> None:
    own = export(finished.ledger, tmp_path / "adapter", round=1) / mine
    own.parent.mkdir(exist_ok=True)
    own.write_text("years of work")
    name = mine.partition("/")[0] + ("/" if "/" in mine else "")
    with pytest.raises(StoreError) as refused:
        export(finished.ledger, tmp_path / "adapter")
    assert str(refused.value) == (
        f"{tmp_path}/adapter has a file that is not from the export: {name}. Move it, or choose another folder with "
        "--out."
    )
    assert own.read_text() == "years of work"
    assert export(finished.ledger, tmp_path / "adapter", round=1) == own.parents[mine.count("/")]  # is current


def test_a_merged_model_with_a_file_of_the_user_is_left_alone(trained: Hand, base: Path, tmp_path: Path) -> None:
    folder = export_merged(trained.ledger, tmp_path / "model", str(base))
    export_merged(trained.ledger, tmp_path / "model", str(base))
    (folder / "mine.txt").write_text("years of work")
    with pytest.raises(StoreError, match=r"model has a file that is not from the export: mine.txt\."):
        export_merged(trained.ledger, tmp_path / "model", str(base))
    assert (folder / "mine.txt").read_text() == "years of work"


def test_an_export_that_cannot_take_its_place_keeps_the_earlier_one(
    finished: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = export(finished.ledger, tmp_path / "adapter", round=1)
    rename = Path.rename

    def denied(self: Path, target: Path) -> Path:
        if self.name.endswith(str(os.getpid())) and target == folder:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", denied)
    with pytest.raises(PermissionError) as refused:
        export(finished.ledger, tmp_path / "adapter")
    assert refused.value.filename == str(folder)
    assert (folder / "adapter_model.safetensors").read_bytes() == finished.adapter(1)
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


def test_files_are_as_readable_as_the_users_other_files(trained: Hand, base: Path, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        folder = export_merged(trained.ledger, tmp_path / "model", str(base))
    finally:
        os.umask(before)
    modes = {file.name: oct(file.stat().st_mode & 0o777) for file in folder.iterdir()}
    assert set(modes.values()) == {"0o640"}, modes


@pytest.mark.slow
def test_merging_prints_the_folder_and_nothing_else(trained: Hand, runs: Path, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    command = [FEDTRAIN, "export", str(runs / "default/quickstart"), "--merged", "--out", "../model"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path / "below")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path / 'model'}\n", "")


def test_a_damaged_adapter_is_refused_and_nothing_is_written(finished: Hand, runs: Path, tmp_path: Path) -> None:
    adapter = summarise(finished.ledger).adapter
    assert adapter is not None
    blob = runs / "default/quickstart" / names.blob(adapter)
    blob.chmod(0o600)
    blob.write_bytes(blob.read_bytes()[:-1] + b"x")
    with pytest.raises(LedgerCorrupt):
        export(finished.ledger, tmp_path / "adapter")
    assert not (tmp_path / "adapter").exists()


def test_by_default_it_goes_into_the_runs_folder_or_beside_the_user(finished: Hand, runs: Path) -> None:
    assert default_target(finished.ledger) == runs / "default/quickstart/adapter"
    from fedtrain.ledger.open import open_store

    in_bucket = Ledger(open_store(Storage(type="S3", s3=S3(bucket="b", region="us-east-1"))), "default", "quickstart")
    assert default_target(in_bucket) == Path("quickstart-adapter")


def test_the_config_is_the_ledgers_own(finished: Hand, tmp_path: Path) -> None:
    folder = export(finished.ledger, tmp_path / "adapter")
    assert json.loads((folder / "adapter_config.json").read_text())["peft_type"] == "LORA"


def test_an_export_that_is_current_writes_nothing(
    finished: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = export(finished.ledger, tmp_path / "adapter")

    def read_only(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("fedtrain.results.export.write_folder", read_only)
    assert export(finished.ledger, tmp_path / "adapter") == target
    (target / "README.md").write_text("another card")
    with pytest.raises(OSError, match="Read-only"):
        export(finished.ledger, tmp_path / "adapter")
