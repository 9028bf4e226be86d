"""`fedtrain try` answers as the adapter of a round does, and says what is missing otherwise."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, TextStreamer

from fedtrain.cli.main import main
from fedtrain.data.chat.template import ChatTemplate
from fedtrain.data.errors import DataError
from fedtrain.ledger.ledger import Ledger
from fedtrain.results.export import export
from fedtrain.results.prompting import prompting
from tests.support.ledger_by_hand import SPEC, Hand

TEMPLATE = (
    "{% for message in messages %}{{ message.role }} {{ message.content }} w1 {% endfor %}"
    "{% if add_generation_prompt %}w2{% endif %}"
)


def fedtrain(*arguments: str | Path, given: str | None = None) -> Result:
    return CliRunner().invoke(main, ["try", *map(str, arguments)], input=given)


@pytest.fixture
def run(trained: Hand, runs: Path) -> Path:
    return runs / "default/quickstart"


def expected(base: Path, adapter: Path | None, text: str, tokens: int) -> str:
    model: Any = AutoModelForCausalLM.from_pretrained(base)
    tokenizer: Any = AutoTokenizer.from_pretrained(base)
    if adapter is not None:
        model = PeftModel.from_pretrained(model, str(adapter))
    ids = torch.tensor([tokenizer(text).input_ids])
    written = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False)
    return tokenizer.decode(written[0, ids.shape[1] :], skip_special_tokens=True)


def test_the_answer_is_the_adapters_and_with_base_shows_the_base_models_too(
    run: Path, trained: Hand, base: Path, tmp_path: Path
) -> None:
    adapter = export(trained.ledger, tmp_path / "adapter")
    after, before = expected(base, adapter, "w3 w4", 6), expected(base, None, "w3 w4", 6)
    assert after != before
    result = fedtrain(run, "w3 w4", "--max-tokens", "6")
    assert result.stdout == f"{after}\n"
    assert result.stderr == f"quickstart, round 1: loading {base}\n"
    assert fedtrain(run, "w3 w4", "--max-tokens", "6", "--round", "best").stdout == f"{after}\n"
    assert fedtrain(run, "w3 w4", "--max-tokens", "6", "--round", "0").stdout == f"{before}\n"
    both = fedtrain(run, "w3 w4", "--max-tokens", "6", "--with-base").stdout
    assert both == f"base model:\n{before}\nround 1:\n{after}\n"


class Screen(io.StringIO):
    """Keeps how long the text is at each flush. `tokens`: generated so far."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = 0
        self.seen: list[tuple[int, int]] = []

    def flush(self) -> None:
        self.seen.append((self.tokens, len(self.getvalue())))


def test_an_answer_is_shown_while_it_is_generated(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    screen, put = Screen(), TextStreamer.put

    def counted(streamer: TextStreamer, value: Any) -> None:
        screen.tokens += 1
        put(streamer, value)

    monkeypatch.setattr(TextStreamer, "put", counted)
    monkeypatch.setattr("sys.stdout", screen)
    main(["try", str(run), "w3 w4", "--max-tokens", "6"], standalone_mode=False)
    assert screen.tokens == 7, "the prompt and each token of the answer"
    lengths = {tokens: length for tokens, length in screen.seen if tokens < screen.tokens}
    assert len({length for length in lengths.values() if length}) >= 3, "more text, several times before the end"


def test_lines_without_a_prompt_are_asked_one_after_another(
    run: Path, trained: Hand, base: Path, tmp_path: Path
) -> None:
    adapter = export(trained.ledger, tmp_path / "adapter")
    answers = [expected(base, adapter, text, 4) for text in ("w3 w4", "w5")]
    asked = fedtrain(run, "--max-tokens", "4", given="w3 w4\n\nw5\n")
    assert asked.stdout.splitlines() == answers
    assert asked.stderr.endswith(
        "\nEnd each prompt as the training rows do, also with the --separator of `fedtrain convert`.\n"
    )


@pytest.mark.parametrize("given", ["", "\n \n"])
def test_without_a_prompt_the_model_is_not_loaded(run: Path, given: str) -> None:
    asked = fedtrain(run, given=given)
    assert (asked.exit_code, asked.stdout) == (1, "")
    assert asked.stderr == (
        "error: there is no prompt, and no terminal to ask for one\n"
        f"hint: Give a prompt: `fedtrain try {run} 'PROMPT'`.\n"
    )


def test_a_line_break_of_a_plain_prompt_is_written_as_in_a_separator(
    run: Path, trained: Hand, base: Path, tmp_path: Path
) -> None:
    answer = expected(base, export(trained.ledger, tmp_path / "adapter"), "w3\nw4", 4)
    assert fedtrain(run, "--max-tokens", "4", given="w3\\nw4\n").stdout == f"{answer}\n"
    assert fedtrain(run, "w3\\nw4", "--max-tokens", "4").stdout == f"{answer}\n"
    assert fedtrain(run, "w3\\\\nw4", "--max-tokens", "4").stdout != f"{answer}\n"


def test_a_conversation_keeps_its_turns_until_it_is_restarted(run: Path, base: Path) -> None:
    (base / "chat_template.jinja").write_text(TEMPLATE)
    lines = fedtrain(run, "--chat", "--system", "w9", "--max-tokens", "4", given="w3\nw3\n/new\nw3\n").stdout
    first, second, third = lines.splitlines()
    assert first == third
    assert second != first, "the second question follows the first answer"


def test_every_error_names_the_fix(run: Path, base: Path, tmp_path: Path) -> None:
    assert "the prompt is empty" in fedtrain(run, " ").stderr
    assert "Use a round from 0 (before training) to 1." in fedtrain(run, "w1", "--round", "7").stderr
    assert "use --no-chat" in fedtrain(run, "w1", "--chat").stderr.lower()
    assert "Remove --system, and write its text into the prompt." in fedtrain(run, "w1", "--system", "w2").stderr
    long = fedtrain(run, "w1 " * 3000)
    assert "the prompt has 3000 tokens, and the model takes at most 2048\nhint: Shorten it." in long.stderr
    swapped = fedtrain("w1 w2", run)
    assert swapped.exit_code == 1
    assert f"hint: RUN comes first: `fedtrain try {run} 'w1 w2'`." in swapped.stderr
    assert "Name a run's folder" in fedtrain(tmp_path / "nowhere", "w1").stderr
    base.rename(tmp_path / "gone")
    missing = fedtrain(run, "w1").stderr
    assert missing.endswith(
        f"The folder {base} with the base model does not exist. Name an existing folder with --base.\n"
    )
    assert fedtrain(run, "w1", "--base", tmp_path / "gone").exit_code == 0
    config = json.loads((tmp_path / "gone/config.json").read_text())
    (tmp_path / "gone/config.json").write_text(json.dumps(config | {"hidden_size": 32}))
    assert "Use --base with" in fedtrain(run, "w1", "--base", tmp_path / "gone").stderr


def test_a_base_of_the_hub_that_is_not_on_this_machine_is_not_fetched(hand: Hand, runs: Path) -> None:
    other = Hand(Ledger(hand.ledger.store, "default", "other"))
    other.spec = {**SPEC, "model": {"base": "org/model", "revision": "a" * 40}}
    other.begin()
    assert "org/model is not in the Hugging Face cache of this machine" in fedtrain(runs / "default/other", "w1").stderr


@pytest.mark.parametrize(
    ("format", "chat", "text"),
    [
        ("Messages", None, "user hello w1 w2"),
        ("Instruction", None, "user hello w1 w2"),
        ("PromptCompletion", None, "hello"),
        ("PromptCompletion", True, "user hello w1 w2"),
        ("Messages", False, "hello"),
    ],
)
def test_prompts_are_as_in_training(format: Any, chat: bool | None, text: str) -> None:
    found = prompting(format, TEMPLATE, {}, chat)
    assert found.text([{"role": "user", "content": "hello"}]) == text
    assert found.is_chat == (text != "hello")


def test_an_instruction_for_a_base_without_template_has_alpacas_prompt() -> None:
    text = prompting("Instruction", None, {}).text([{"role": "user", "content": "Sum up."}])
    assert text.endswith("### Instruction:\nSum up.\n\n### Response:\n")


def test_a_template_that_fails_is_named() -> None:
    with pytest.raises(DataError, match=r"the base model's chat template fails .*; start another conversation"):
        prompting("Messages", "{{ raise_exception('no') }}", {}).text([{"role": "user", "content": "x"}])
    assert ChatTemplate("{{ messages }}", {}).render([]).text == "[]"
