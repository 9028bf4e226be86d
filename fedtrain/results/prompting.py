"""How a conversation becomes the text that an adapter continues: as in its training rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fedtrain.api.data import Format
from fedtrain.data.chat.template import ChatTemplate
from fedtrain.data.errors import DataError
from fedtrain.data.formats.instruction import as_prompt
from fedtrain.data.row import Row

Message = dict[str, str]
CONVERSATIONS = ("Messages", "ShareGPT", "Instruction")


@dataclass(frozen=True)
class Prompting:
    """`template`: chat template of the base model; None for plain prompts. `format`: of the training rows.
    `has_template`: whether the base model has a template, used or not."""

    template: ChatTemplate | None
    format: Format
    has_template: bool

    @property
    def is_chat(self) -> bool:
        """Whether earlier turns are part of the prompt."""
        return self.template is not None

    @property
    def writes_end(self) -> bool:
        """Whether fedtrain writes the end of a prompt, so that the user need not."""
        return self.is_chat or self.format == "Instruction"

    def text(self, messages: Sequence[Message]) -> str:
        """Return what the model sees before its answer to the last message. Raises DataError if the template fails."""
        if self.template is not None:
            return _rendered(self.template, messages)
        asked = messages[-1]["content"]
        if self.format == "Instruction":
            return as_prompt(Row("", {"instruction": asked, "output": ""})).fields["prompt"]
        return asked


def prompting(
    format: Format, template: str | None, special_tokens: Mapping[str, Any], chat: bool | None = None
) -> Prompting:
    """`template`, `special_tokens`: of the tokenizer. `chat`: whether to use the template [default: if the rows of
    `format` are conversations]. Raises DataError if there is no template to use, or it is invalid."""
    wanted = format in CONVERSATIONS if chat is None else chat
    if wanted and template is None and (chat or format != "Instruction"):
        raise DataError(
            "the base model has no chat template", "use --no-chat to let the model continue the text of the prompt"
        )
    used = ChatTemplate(template, special_tokens) if wanted and template is not None else None
    return Prompting(used, format, template is not None)


def _rendered(template: ChatTemplate, messages: Sequence[Message]) -> str:
    try:
        return template.render(messages, add_generation_prompt=True).text
    except Exception as error:  # a template is code
        raise DataError(
            f"the base model's chat template fails for this conversation: {error}",
            "start another conversation, or use --no-chat",
        ) from error
