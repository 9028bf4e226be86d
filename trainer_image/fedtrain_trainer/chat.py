"""The chat template of a loaded tokenizer."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from fedtrain.data.chat.conversation import Conversations
from fedtrain.data.chat.template import ChatTemplate
from fedtrain.data.errors import DataError
from fedtrain_trainer.outcome import Refused


def conversations(tokenizer: Any) -> Conversations:
    """Return the renderer of `tokenizer`, which has a template. Raises Refused for invalid Jinja."""
    with refusing():
        template = ChatTemplate(tokenizer.get_chat_template(), tokenizer.special_tokens_map)
    return Conversations(template, tuple(tokenizer.all_special_tokens))


@contextmanager
def refusing() -> Generator[None]:
    """Turn DataError into Refused."""
    try:
        yield
    except DataError as error:
        raise Refused(str(error)) from error
