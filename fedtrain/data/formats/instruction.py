"""`Instruction`: {"instruction": "...", "input": "...", "output": "..."}, the rows of Stanford Alpaca.

A base model with a chat template learns them as a conversation, because that is how it is asked later. A base model
without one gets Alpaca's own prompt.
"""

from typing import Any

from fedtrain.data.formats.field_reader import FieldReader
from fedtrain.data.formats.row_format import RowFormat
from fedtrain.data.row import Row

_ALPACA = (
    "Below is an instruction that describes a task. "
    "Write a response that appropriately completes the request.\n\n### Instruction:\n{instruction}\n\n### Response:\n"
)
_ALPACA_WITH_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n"
)


def _read(reader: FieldReader) -> dict[str, Any]:
    fields = {"instruction": reader.question("instruction"), "output": reader.answer("output")}
    optional = {field: reader.optional_text(field) for field in ("input", "system")}
    return fields | {field: text for field, text in optional.items() if text}


def as_conversation(row: Row) -> Row:
    """Return the instruction, with the input after a blank line, as the user's turn and the output as the answer."""
    fields = row.fields
    system = [{"role": "system", "content": fields["system"]}] if "system" in fields else []
    asked = "\n\n".join(fields[field] for field in ("instruction", "input") if field in fields)
    messages = [*system, {"role": "user", "content": asked}, {"role": "assistant", "content": fields["output"]}]
    return Row(row.where, _with_choices(row, {"messages": messages}), row.warnings)


def as_prompt(row: Row) -> Row:
    """Return Alpaca's prompt, a system prompt before it, and the output as the completion."""
    fields = row.fields
    template = _ALPACA_WITH_INPUT if "input" in fields else _ALPACA
    system = f"{fields['system']}\n\n" if "system" in fields else ""
    prompt = system + template.format(instruction=fields["instruction"], input=fields.get("input", ""))
    return Row(row.where, _with_choices(row, {"prompt": prompt, "completion": fields["output"]}), row.warnings)


def _with_choices(row: Row, fields: dict[str, Any]) -> dict[str, Any]:
    return fields | {name: value for name, value in row.fields.items() if name == "choices"}


INSTRUCTION = RowFormat("Instruction", "{instruction, input, output}", _read)
