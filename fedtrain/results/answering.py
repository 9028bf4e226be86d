"""Generates answers with the adapter of a run, token by token."""

# pyright: basic
# (transformers types little of what it returns)

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fedtrain.api.data import Format
from fedtrain.api.model import Model
from fedtrain.data.errors import DataError
from fedtrain.results.model_loading import load_base
from fedtrain.results.prompting import Message, Prompting, prompting


@dataclass(frozen=True)
class Decoding:
    """`temperature`: 0 takes the most likely token each time."""

    max_tokens: int
    temperature: float = 0.0


class Answerer:
    """A base model with an adapter. `format`: of the training rows. `chat`: as in `prompting`. Raises StoreError if the
    base cannot be loaded or the adapter does not fit it, DataError if the base has no chat template that works."""

    def __init__(self, base: str, run: Model, adapter: Path, format: Format, chat: bool | None = None) -> None:
        self._model, self._tokenizer = load_base(base, run, adapter, "fedtrain try", computed=True)
        self.prompting: Prompting = prompting(
            format, self._tokenizer.chat_template, self._tokenizer.special_tokens_map, chat
        )
        import torch
        from peft import PeftModel

        device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model: Any = PeftModel.from_pretrained(self._model, str(adapter)).to(device).eval()

    def answer(
        self, messages: list[Message], decoding: Decoding, write: Callable[[str], object], *, adapted: bool = True
    ) -> str:
        """Return the answer to the last message, and `write` its text as it is generated. Ctrl-C ends the answer early.
        `adapted`: with the adapter, not the base model alone. Raises DataError if the conversation is too long."""
        import contextlib

        import torch

        ids = self._ids(messages)
        room = self._room(len(ids), any(message["role"] == "assistant" for message in messages))
        streamer = _streamer(self._tokenizer, write)
        tokens = torch.tensor([ids], device=self._model.device)
        which = contextlib.nullcontext() if adapted else self._model.disable_adapter()
        with torch.inference_mode(), which, contextlib.suppress(KeyboardInterrupt):
            self._model.generate(
                tokens,
                attention_mask=torch.ones_like(tokens),
                generation_config=self._settings(decoding, room),
                streamer=streamer,
            )
        return "".join(streamer.parts)

    def _ids(self, messages: list[Message]) -> list[int]:
        text = self.prompting.text(messages)
        ids: list[int] = self._tokenizer(text, add_special_tokens=not self.prompting.is_chat)["input_ids"]
        end = self._tokenizer.eos_token_id
        return ids[:-1] if ids and not self.prompting.is_chat and ids[-1] == end else ids

    def _room(self, used: int, answered: bool) -> int | None:
        """Return the number of tokens that an answer may have at most; None if the model has no limit. `answered`:
        whether the conversation has answers."""
        positions = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        if not used:
            raise DataError("the prompt has no tokens", "write a question")
        if positions is not None and used >= positions:
            what = "the conversation" if answered else "the prompt"
            fix = "shorten it, or start another conversation" if answered else "shorten it"
            raise DataError(f"{what} has {used} tokens, and the model takes at most {positions}", fix)
        return None if positions is None else positions - used

    def _settings(self, decoding: Decoding, room: int | None) -> Any:
        from transformers import GenerationConfig

        end, pad = self._tokenizer.eos_token_id, self._tokenizer.pad_token_id
        base = getattr(self._model.generation_config, "eos_token_id", None)
        ends = {token for token in [*(base if isinstance(base, list) else [base]), end] if token is not None}
        sampling = {"do_sample": True, "temperature": decoding.temperature} if decoding.temperature else {}
        return GenerationConfig(
            **{"do_sample": False, **sampling},
            max_new_tokens=min(decoding.max_tokens, room or decoding.max_tokens),
            eos_token_id=sorted(ends) or None,
            pad_token_id=pad if pad is not None else end or 0,
        )


def _streamer(tokenizer: Any, write: Callable[[str], object]) -> Any:
    from transformers import TextStreamer

    class Parts(TextStreamer):
        """Passes text on as soon as it is whole words, and keeps it."""

        def __init__(self) -> None:
            super().__init__(tokenizer, skip_prompt=True, skip_special_tokens=True)
            self.parts: list[str] = []

        def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
            if text:
                self.parts.append(text)
                write(text)

    return Parts()
