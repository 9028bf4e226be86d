"""A tokenizer that writes tokens for which the base model has no weights: tasks say so, and never fail unexpectedly."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tiny_federation import Federation, classified, write_rows

from fedtrain.contracts.exit_codes import EXIT_REFUSED
from fedtrain.partitioning import split_indices

LOSS = {"name": "loss", "type": "Loss"}
CHOICES = {"name": "right", "type": "Choices"}
MATCH = {"name": "match", "type": "ExactMatch", "exactMatch": {"pattern": "(.*)", "maxNewTokens": 3}}


def with_tokens(folder: Path, base: Path, **tokens: str) -> Federation:
    """A federation whose base has these special tokens, which its vocabulary has not."""
    own = Path(shutil.copytree(base, folder / "base"))
    file = own / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | tokens))
    return Federation(folder, own, classified(8))


@pytest.mark.parametrize("metric", [LOSS, CHOICES, MATCH], ids=lambda metric: metric["name"])
def test_a_token_without_weights_is_refused_with_both_numbers(
    metric: dict[str, Any], tmp_path: Path, bases: dict[str, Path]
) -> None:
    federation = with_tokens(tmp_path, bases["llama"], eos_token="<far>")
    write_rows(federation.data, [{"prompt": f"a cat is{'<far>'}", "completion": end} for end in ("x", "y")])
    refused = federation.run(federation.evaluation([metric]))
    assert refused.code == EXIT_REFUSED
    rows = federation.initialised().facts.vocabulary
    assert refused.reason == (
        f"model.base {federation.model['base']}: the tokenizer gives the token `<far>` the id {rows}, but the "
        f"embedding of the base model has {rows} rows (ids 0 to {rows - 1}). Use the tokenizer of this model"
    )


def test_a_sample_answer_is_refused_alike(tmp_path: Path, bases: dict[str, Path]) -> None:
    federation = with_tokens(tmp_path, bases["llama"], unk_token="<far>")
    write_rows(federation.data, [{"text": "a cat <far>"}])
    federation.format["format"] = "Text"
    federation.format["maxLength"] = 4
    assert "the tokenizer gives the token `<far>`" in federation.run(federation.evaluation([LOSS])).reason


@pytest.mark.parametrize("keeps", ["rows", "held out"])
@pytest.mark.parametrize("metric", [LOSS, CHOICES, MATCH], ids=lambda metric: metric["name"])
def test_a_token_of_a_participants_row_stays_in_its_local_log(
    keeps: str, metric: dict[str, Any], tmp_path: Path, bases: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    federation = with_tokens(tmp_path, bases["llama"], unk_token="<far>")
    trained, held_out = split_indices(40, 0.02, 17, "a")
    federation.format["validationFraction"] = 0.02
    with_token = trained if keeps == "rows" else held_out
    rows = [
        {"prompt": "a cat <far>" if at in with_token else "a cat", "completion": end, "choices": ["x", "y"]}
        for at, end in enumerate(["x", "y"] * 20)
    ]
    write_rows(federation.data, rows)
    ended = federation.run(federation.assignment(federation.train_work(metrics=[metric]), round=1))
    sent = [ended.reason, *(federation.ledger.content(name).decode("latin-1") for name in federation.ledger.names())]
    assert any("a token of the rows, which this participant's log names" in text for text in sent)
    assert not [text for text in sent if "<far>" in text]
    local = [line for name, _, line in caplog.record_tuples if name == "fedtrain.participant"]
    assert any("`<far>`" in line for line in local)
    assert not [line for name, _, line in caplog.record_tuples if name != "fedtrain.participant" and "<far>" in line]


def test_padding_needs_no_weights(tmp_path: Path, bases: dict[str, Path]) -> None:
    federation = with_tokens(tmp_path, bases["llama"], pad_token="<pad>")
    write_rows(federation.data, [{"prompt": prompt, "completion": " x"} for prompt in ("a cat is", "a", "an owl is a")])
    plain = Federation(federation.sibling("plain"), bases["llama"], [])
    plain.data = federation.data
    assert federation.evaluated([MATCH], samples=3).metrics == plain.evaluated([MATCH], samples=3).metrics
