"""`fedtrain validate` checks the base model without torch: files, target modules, chat template, context."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from valid_base import CHATML, SHAPES, write_base
from validated_data import SECRET, errors, federation, texts, validate, warnings

pytestmark = pytest.mark.usefixtures("in_the_folder")


def chat(content: str = "Oak.", role: str = "user") -> dict[str, Any]:
    return {"messages": [{"role": role, "content": "Name a tree."}, {"role": "assistant", "content": content}]}


def chats(folder: Path) -> Path:
    return federation(folder, [chat("a")], [chat("b")], [chat("c")], format="Messages")


def test_conversations_are_tried_on_the_chat_template(tmp_path: Path) -> None:
    file = chats(tmp_path)
    assert validate(file).exit_code == 0
    (tmp_path / "base/chat_template.jinja").write_text("{{ messages[0].content + 1 }}")
    (line,) = errors(file)
    assert line.startswith(f"{file}:5:17: spec.model.base: a.jsonl:1: the base model's chat template fails")


def test_a_template_that_refuses_the_role_system_is_said_to(tmp_path: Path) -> None:
    row = {"messages": [{"role": "system", "content": "Be brief."}, *chat("a")["messages"]]}
    file = federation(tmp_path, [row], [chat("b")], [chat("c")], format="Messages")
    refusing = "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    (tmp_path / "base/chat_template.jinja").write_text(refusing + CHATML)
    (line,) = errors(file)
    assert "a.jsonl:1: the base model's chat template refuses the role system. Move the text of the system" in line
    row["messages"] = [{"role": "user", "content": "Be brief. Name a tree."}, *chat("a")["messages"][1:]]
    (tmp_path / "a.jsonl").write_text(json.dumps(row))
    assert validate(file).exit_code == 0


def test_a_failing_template_shows_no_text_of_a_row(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = federation(tmp_path, [chat(SECRET)], format="Messages", b=[chat("b")], test=[chat("c")])
    (tmp_path / "base/chat_template.jinja").write_text("{{ raise_exception(messages[-1].content) }}")
    (line,) = errors(file)
    assert "a.jsonl:1: the base model's chat template fails" in line
    assert SECRET not in line + caplog.text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (None, "The data has conversations, but"),
        (
            "{% for m in %}",
            "the base model's chat template in chat_template.jinja is invalid Jinja at line 1: Expected an "
            "expression, got 'end of statement block'. Correct it in chat_template.jinja",
        ),
        (CHATML.replace("{{ m.content }}", "{% generation %}{% endgeneration %}"), "marks nothing of messages[1]"),
        (
            "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}\n{% endif %}{% endfor %}",
            'ignores the field "messages[1].content". Choose a base model whose template writes what',
        ),
    ],
)
def test_a_template_that_cannot_be_used_is_an_error(tmp_path: Path, template: str | None, message: str) -> None:
    file = chats(tmp_path)
    (tmp_path / "base/chat_template.jinja").unlink()
    write_base(tmp_path / "base", template=template)
    (line,) = errors(file)
    assert message in line


def test_a_row_of_another_kind_is_tried_on_the_template_wherever_it_is(tmp_path: Path) -> None:
    call = {"type": "function", "function": {"name": "f", "arguments": {}}}
    called = {"role": "assistant", "content": "So.", "tool_calls": [call]}
    late = {"messages": [{"role": "user", "content": "Why?"}, called]}
    file = federation(
        tmp_path, [*[chat(str(n)) for n in range(101)], late], [chat("b")], [chat("c")], format="Messages"
    )
    (line,) = errors(file)
    assert 'a.jsonl:102: the base model\'s chat template ignores the field "messages[1].tool_calls"' in line


def test_a_template_may_be_in_the_tokenizers_settings(tmp_path: Path) -> None:
    file = chats(tmp_path)
    (tmp_path / "base/chat_template.jinja").unlink()
    settings = {"chat_template": [{"name": "default", "template": CHATML}], "eos_token": {"content": "<|im_end|>"}}
    (tmp_path / "base/tokenizer_config.json").write_text(json.dumps(settings))
    assert validate(file).exit_code == 0


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", "{", "config.json is not a JSON object."),
        (
            "tokenizer.json",
            None,
            "contains no tokenizer. Copy tokenizer.json, or tokenizer.model, into it from the source of the model.",
        ),
        ("tokenizer.json", "version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer, not the file."),
        ("model.safetensors", None, "contains no weights (model.safetensors)."),
        ("model.safetensors", "hello world", "model.safetensors can't be read"),
        ("model.safetensors", "version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer, not the file."),
        (
            "model.safetensors.index.json",
            '{"weight_map": {"a": "gone.safetensors"}}',
            "gone.safetensors is missing, but",
        ),
        (
            "model.safetensors.index.json",
            '{"weight_map": {"a": "other.safetensors"}}',
            "contains model.safetensors and model.safetensors.index.json, which names other files. Remove one",
        ),
    ],
)
def test_a_file_of_the_base_that_cannot_be_used_is_an_error(
    tmp_path: Path, name: str, content: str | None, message: str
) -> None:
    file = federation(tmp_path)
    (tmp_path / "base" / name).unlink(missing_ok=True)
    if content is not None:
        (tmp_path / "base" / name).write_text(content)
    assert any(line.startswith(f"{file}:5:17: spec.model.base: ") and message in line for line in errors(file))


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_file_of_the_base_that_cannot_be_read_is_named_at_its_place(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user of the tests may read all files."""
    file = federation(tmp_path)
    unreadable, access = tmp_path / "base" / name, os.access

    def access_of(path: Path, mode: int) -> bool:
        return Path(path) != unreadable and access(path, mode)

    monkeypatch.setattr(os, "access", access_of)
    (error,) = [line for line in errors(file) if name in line]
    assert error.endswith(f"spec.model.base: {unreadable} cannot be read. Run `chmod u+r {unreadable}`.")


def test_a_target_module_that_the_base_does_not_have_is_an_error(tmp_path: Path) -> None:
    (line,) = errors(federation(tmp_path, targets="{type: Names, names: [q_proj, up]}"))
    assert line.endswith(
        "spec.model.adapter.targetModules.names: up is not a linear layer of the base model. Use one or more of "
        "`q_proj`, `up_proj`."
    )


def test_an_embedding_is_not_a_target_module(tmp_path: Path) -> None:
    (line,) = errors(federation(tmp_path, targets="{type: Names, names: [q_proj, lm_head, embed_tokens]}"))
    assert line.endswith(
        "spec.model.adapter.targetModules.names: embed_tokens is not a linear layer of the base model. Use one or more "
        "of `q_proj`, `up_proj`."
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden_size": 16, "word_embed_proj_dim": 8},  # OPT: embeddings narrower than the layers
        {"num_hidden_layers": 0},  # a layer more in the weights predicts further tokens
        {"text_config": {"vocab_size": 32, "hidden_size": 8}, "hidden_size": 16},  # of images
        {"architectures": ["LlamaForCausalLM"]},
    ],
    ids=str,
)
def test_settings_that_fit_the_weights_otherwise_are_valid(tmp_path: Path, settings: dict[str, Any]) -> None:
    file = federation(tmp_path)
    write_base(tmp_path / "base", **settings)
    assert validate(file).exit_code == 0


def test_the_share_of_linear_parameters_and_the_untouched_layers_are_shown(tmp_path: Path) -> None:
    file = federation(tmp_path, targets="{type: Names, names: [q_proj]}")
    assert "32 trained parameters for q_proj (33% of the weights in linear layers)" in validate(file).stdout
    assert warnings(file) == ["The adapter does not change the linear layers up_proj and the output head."]


@pytest.mark.parametrize(
    ("targets", "is_tied", "shown"),
    [
        (
            "AllLinear",
            False,
            "all linear layers except the output head lm_head (q_proj, up_proj; 43% of the weights in ",
        ),
        ("AllLinear", True, "all linear layers except the output head, which shares the embedding's weights (q_proj, "),
        ("Names, names: [lm_head, q_proj, up_proj]", False, "all linear layers (lm_head, q_proj, up_proj)"),
        (
            "Names, names: [q_proj, up_proj]",
            False,
            "all linear layers except the output head lm_head (q_proj, up_proj;",
        ),
        ("Names, names: [lm_head]", False, "lm_head (57% of the weights in linear layers)"),
    ],
)
def test_an_output_head_that_the_adapter_leaves_out_is_named(
    tmp_path: Path, targets: str, is_tied: bool, shown: str
) -> None:
    """In the files of a base with tied weights, too, that has the head twice."""
    file = federation(tmp_path, targets=f"{{type: {targets}}}")
    write_base(tmp_path / "base", tie_word_embeddings=is_tied)
    tensors = {name: np.zeros(shape, np.float32) for name, shape in (SHAPES | {"lm_head.weight": (32, 8)}).items()}
    save_file(tensors, tmp_path / "base/model.safetensors")
    assert f"trained parameters for {shown}" in validate(file).stdout


@pytest.mark.parametrize("in_file", [False, True], ids=["once in the file", "twice in the file"])
@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ("[lm_head]", "80 trained parameters for lm_head (57% of the weights in linear layers)"),
        ("[lm_head, q_proj, up_proj]", "160 trained parameters for all linear layers (lm_head, q_proj, up_proj)"),
    ],
)
def test_a_named_output_head_that_shares_the_embeddings_weights_is_counted(
    tmp_path: Path, names: str, shown: str, in_file: bool
) -> None:
    file = federation(tmp_path, targets=f"{{type: Names, names: {names}}}")
    write_base(tmp_path / "base", tie_word_embeddings=True)
    shapes = SHAPES | ({"lm_head.weight": (32, 8)} if in_file else {})
    save_file(
        {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}, tmp_path / "base/model.safetensors"
    )
    assert shown in validate(file).stdout


def test_fused_experts_are_refused_with_all_linear(tmp_path: Path) -> None:
    file = federation(tmp_path)
    experts = {"model.layers.0.mlp.experts.gate_up_proj": (2, 8, 8)}
    tensors = {name: np.zeros(shape, np.float32) for name, shape in (SHAPES | experts).items()}
    save_file(tensors, tmp_path / "base/model.safetensors")
    (line,) = errors(file)
    assert "AllLinear does not adapt experts that are fused in one tensor" in line


def word_tokenizer(folder: Path) -> None:
    """A token for each word."""
    tokenizer = Tokenizer(models.WordLevel({"x": 0, "?": 1, "<|im_end|>": 2}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.save(str(folder / "tokenizer.json"))


def test_rows_that_are_cut_are_counted(tmp_path: Path) -> None:
    file = federation(tmp_path, a=texts("x " * 9, "x", "x x x x x x"), length=7)
    word_tokenizer(tmp_path / "base")
    (line,) = warnings(file)
    assert line == (
        "1 of 6 checked rows is longer than data.maxLength (7 tokens; first: a.jsonl:1) and is cut (the end is "
        "lost). The longest row has 10 tokens. Set `data.maxLength: 10`, or shorten the rows."
    )


@pytest.mark.parametrize(
    ("prompt", "completion", "lost"),
    [
        ("x " * 9, " x", "prompts lose their beginning"),
        ("x", " x" * 9, "1 answer loses its end"),
    ],
)
def test_what_prompts_and_answers_lose_is_named(prompt: str, completion: str, lost: str, tmp_path: Path) -> None:
    rows = [{"prompt": f"x {name}", "completion": " x"} for name in "bcde"]
    a = [{"prompt": prompt, "completion": completion}, rows[0]]
    file = federation(tmp_path, a, rows[1:3], rows[3:], format="PromptCompletion", length=7)
    word_tokenizer(tmp_path / "base")
    (line,) = [line for line in warnings(file) if "maxLength" in line]
    assert f"and is cut ({lost}). The longest row has 11 tokens. Set `data.maxLength: 11`" in line


def test_rows_beyond_the_context_are_shortened_or_cut(tmp_path: Path) -> None:
    """No maxLength keeps such a row whole."""
    file = federation(tmp_path, a=texts("x " * 20, "x"), length=7)
    write_base(tmp_path / "base", max_position_embeddings=10)
    word_tokenizer(tmp_path / "base")
    (line,) = warnings(file)
    rest = "the base model reads at most 10 tokens, so shorten the rows that have more, or accept the cut."
    assert line.endswith(f"The longest row has 21 tokens. Set `data.maxLength: 10`; {rest}")
    file.write_text(file.read_text().replace("maxLength: 7", "maxLength: 10"))
    (line,) = warnings(file)
    assert line.endswith(f"The longest row has 21 tokens. {rest[:1].upper()}{rest[1:]}")


def test_conversations_without_an_answer_left_are_counted(tmp_path: Path) -> None:
    long = {"messages": [{"role": "user", "content": "x " * 20}, {"role": "assistant", "content": "y"}]}
    file = federation(tmp_path, [long, chat()], [chat("b"), chat("d")], [chat("c")], format="Messages", length=12)
    word_tokenizer(tmp_path / "base")
    (line,) = warnings(file)
    assert line.startswith(
        "1 of 5 checked rows is longer than data.maxLength (12 tokens; first: a.jsonl:1) and is cut (the end is "
        "lost); 1 of them has no answer"
    )


@pytest.mark.parametrize(("options", "counted"), [((), 303), (("--rows", "all"), 303), (("--rows", "150"), 153)])
def test_long_rows_are_counted_among_all_checked_rows(tmp_path: Path, options: tuple[str, ...], counted: int) -> None:
    """Not only in the sample for the chat template."""
    file = federation(tmp_path, texts("one", *["x " * 9] * 299), length=7)
    word_tokenizer(tmp_path / "base")
    (line,) = [line for line in warnings(file, *options) if "data.maxLength" in line]
    assert line.startswith(
        f"{counted - 4} of {counted} checked rows are longer than data.maxLength (7 tokens; first: a.jsonl:2)"
    )


def test_rows_longer_than_the_context_are_announced(tmp_path: Path) -> None:
    (line,) = warnings(federation(tmp_path, length=4096))
    assert line.startswith("data.maxLength is 4096, but the base model has a context of 2048 tokens")


def test_a_row_longer_than_the_context_is_an_error_if_it_is_not_cut(tmp_path: Path) -> None:
    file = federation(tmp_path, a=texts("x", "x " * 9), length=64)
    write_base(tmp_path / "base", max_position_embeddings=7)
    word_tokenizer(tmp_path / "base")
    (error,) = errors(file)
    assert error.endswith(
        "spec.data.maxLength: maxLength is 64, but the base model reads at most 7 tokens, and 1 of 5 checked rows is "
        "longer (first: a.jsonl:2, the longest has 10 tokens), so the trainer would refuse it. "
        "Set `maxLength: 7`: longer rows are cut."
    )
    file.write_text(file.read_text().replace("maxLength: 64", "maxLength: 7"))
    (line,) = warnings(file)
    assert line.startswith(
        "1 of 5 checked rows is longer than data.maxLength (7 tokens; first: a.jsonl:2) and is cut (the end is lost)"
    )
