"""Writes rows as the model sees them while they are read, and counts those with faults, so that no row is kept."""

from collections.abc import Sequence

from fedtrain.api.model import Model
from fedtrain.data.base_files import BaseFiles
from fedtrain.data.errors import DataError
from fedtrain.data.row import Row
from fedtrain.preview.row_lengths import Lengths, Pieces, row_lengths, tokenizer_of
from fedtrain.preview.token_faults import TokenFaults

AT_ONCE = 256
"""Rows that are tokenized together."""
_CANNOT_TOKENIZE = (
    "cannot tokenize the rows: a text has a token that is not in its vocabulary, and it has no token for unknown ones, "
    "or it is damaged"
)


class Renderer:
    """Writes rows as texts, as the trainer learns them. Raises DataError for a chat template that is invalid Jinja, and
    ImportError without jinja2, which comes with fedtrain[local]."""

    def __init__(self, base: BaseFiles) -> None:
        from fedtrain.data.chat.conversation import Conversations
        from fedtrain.data.chat.template import ChatTemplate

        source = base.chat_template
        self.template = (
            ChatTemplate(source, base.special_tokens, base.chat_template_file) if source is not None else None
        )
        template, ends = self.template, base.end_tokens
        self._chat = Conversations(template, ends, logs=False) if template is not None else None

    def examples(self, row: Row) -> Sequence[Pieces]:
        """Return the texts of each example of the row. Raises DataError."""
        from fedtrain.data.formats.instruction import as_conversation, as_prompt

        if "instruction" in row.fields:
            row = as_conversation(row) if self._chat is not None else as_prompt(row)
        if "messages" in row.fields:
            return self._chat.examples(row) if self._chat is not None else ()
        if "prompt" in row.fields:
            return [[(row.fields["prompt"], False), (row.fields["completion"], True)]]
        return [[(row.fields["text"], True)]]


class RenderedRows:
    """Counts rows longer than `most` tokens, and rows with faulty tokens. `model`: names the base model `base`. Raises
    as Renderer does."""

    def __init__(self, base: BaseFiles, model: Model, most: int) -> None:
        self._renderer, self._most = Renderer(base), most
        self._file = base.folder / "tokenizer.json"
        self._tokenize = tokenizer_of(base.folder)
        self._waiting: list[Row] = []
        self._lengths = Lengths(0, 0, 0, 0)
        self._tokens = TokenFaults(base, model, self._renderer.template)
        self.error: DataError | None = None
        """Why a row cannot be written as the model sees it; no row is counted after it."""

    def add(self, row: Row) -> None:
        if self.error is None:
            self._waiting.append(row)
        if len(self._waiting) == AT_ONCE:
            self._count_waiting()

    def lengths(self) -> Lengths | None:
        """Return what was found in all rows; None if their tokens could not be counted."""
        self._count_waiting()
        return self._lengths if self.error is None and self._tokenize is not None else None

    def token_notes(self) -> Sequence[str]:
        """Return warnings about end tokens and control tokens; none if a row could not be written."""
        self._count_waiting()
        return tuple(self._tokens.notes()) if self.error is None else ()

    def _count_waiting(self) -> None:
        rows, self._waiting = self._waiting, []
        if not rows or self.error is not None:
            return
        try:
            rendered = [self._renderer.examples(row) for row in rows]
        except DataError as error:
            self.error = error
            return
        for row, examples in zip(rows, rendered, strict=True):
            self._tokens.add(row, examples)
        if self._tokenize is not None:
            try:
                self._lengths += row_lengths(rows, rendered, self._tokenize, self._most)
            except Exception:  # the library raises Exception itself
                self.error = DataError(f"{self._file} {_CANNOT_TOKENIZE}", "copy the base model's tokenizer again")
