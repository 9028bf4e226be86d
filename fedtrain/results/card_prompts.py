"""What a model card says of prompts: its code that asks the model, and how to write a prompt."""

import json
import re

from fedtrain.api.data import Format
from fedtrain.results.prompting import CONVERSATIONS

_PROMPT, _PROMPT_BEFORE_END, _QUESTION = "A prompt, written as in the training rows", "A prompt", "A question"
"""Placeholders in the card's code."""


def answer_code(format: Format, prompt_end: str | None) -> str:
    """Return the code that generates an answer."""
    prompt = _PROMPT if prompt_end is None else _PROMPT_BEFORE_END + prompt_end
    ids = f'ids = tokenizer({_literal(prompt)}, return_tensors="pt").input_ids'
    if format in CONVERSATIONS:
        ids = f"""messages = [{{"role": "user", "content": {json.dumps(_QUESTION)}}}]
ids = tokenizer.apply_chat_template(
    messages, add_generation_prompt=True, return_dict=True, return_tensors="pt"
).input_ids"""
    return f"""{ids}
answer = model.generate(input_ids=ids, max_new_tokens=64)[0, ids.shape[1]:]
print(tokenizer.decode(answer, skip_special_tokens=True))"""


def _literal(text: str) -> str:
    """Return the text as a literal of Python. Characters stay as they are: JSON would escape some as two halves, which
    Python does not join."""
    return json.dumps(text, ensure_ascii=False)


def how_to_prompt(format: Format, end: str | None) -> str:
    """How a prompt must be written to be like those of the training."""
    if format in CONVERSATIONS:
        rare = ", if it has one" if format == "Instruction" else ""
        return f"Prompts use the tokenizer's chat template{rare}."
    if end is None:
        return (
            "Prompts are plain text without a chat template, written as in the training rows; the model continues them."
        )
    return (
        f"Prompts are plain text without a chat template; the model continues them. End each prompt with "
        f"{_code(_literal(end))}, as most prompts of the hub's evaluation data do."
    )


def _code(text: str) -> str:
    """Return the text as code within a line. Markdown needs more backticks around it than it has."""
    longest = max((len(ticks) for ticks in re.findall("`+", text)), default=0)
    return f"`{text}`" if not longest else f"{'`' * (longest + 1)} {text} {'`' * (longest + 1)}"
