"""Token ids of rows, and which of them are the answer that the loss is on.

What a model sees before the answer is tokenised exactly as it would be at inference, on its own: the ids of the whole
text are used when they begin with the ids of the prompt, else the pieces are tokenised apart. An answer ends with the
tokenizer's end-of-sequence token, if it has one (in Messages with whatever the chat template ends a turn with). A text
that ends with this token already gets no second one.

Truncation to `max_length`: Messages and Text keep their beginning; PromptCompletion keeps the answer (its beginning,
should it alone be too long) and as much of the end of the prompt as fits.
"""

from array import array
from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

from fedtrain.api.data import Format
from fedtrain.data.chat.conversation import Piece
from fedtrain.data.control_tokens import is_ended
from fedtrain.data.formats.instruction import as_conversation, as_prompt
from fedtrain.data.row import Row, answer
from fedtrain_trainer.chat import conversations, refusing
from fedtrain_trainer.outcome import Refused

_NO_TEMPLATE = (
    "the base model has no chat template: choose an instruction-tuned base, or copy the chat_template.jinja of one "
    "into its folder"
)

AT_ONCE = 500
"""Rows that are tokenised together. Until they are examples, they take about fifty times the memory."""


@dataclass(frozen=True, slots=True)
class Example:
    """`ids` of one row. `targets`: the positions, ascending and at least 1, whose token is learned: position t is
    predicted from the tokens before it. `has_end`: whether every answer, before truncation, ends with an end token."""

    ids: Sequence[int]
    targets: Sequence[int]
    has_end: bool = True


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt and its possible answers, as ids; every answer is non-empty. `right` is the index of the right one."""

    prompt: list[int]
    answers: list[list[int]]
    right: int


class Encoder:
    """Rows of some formats to ids. `max_length` in tokens."""

    def __init__(self, tokenizer: Any, formats: Set[Format], max_length: int) -> None:
        self._tokenizer = tokenizer
        self._max_length = max_length
        plain = tokenizer("a", add_special_tokens=False)["input_ids"]
        special = tokenizer("a")["input_ids"]
        begin = special.index(plain[0]) if plain and plain[0] in special else 0
        self._begin_of_text: list[int] = list(special[:begin])
        end = tokenizer.eos_token_id
        self._end_of_text: list[int] = [] if end is None else [end]
        self._end_tokens = tuple({*tokenizer.all_special_tokens, *tokenizer.get_added_vocab()})
        self._chat = conversations(tokenizer) if tokenizer.chat_template else None
        if self._chat is None and (chats := sorted({"Messages", "ShareGPT"} & formats)):
            raise Refused(f"the format of the data is {' and '.join(chats)}, but {_NO_TEMPLATE}")

    def examples(self, rows: Sequence[Row]) -> list[list[Example]]:
        """Return the examples of each row, in order: usually one; one per assistant turn if the chat template writes
        earlier turns differently; none if no answer token is left after truncation. Raises Refused."""
        starts = range(0, len(rows), AT_ONCE)
        return list(chain.from_iterable(self._some_examples(rows[start : start + AT_ONCE]) for start in starts))

    def _some_examples(self, rows: Sequence[Row]) -> list[list[Example]]:
        prepared = [self._prepared(row) for row in rows]
        pieces = [self._pieces(row) for row in prepared]
        encoded = iter(self._ids([one for of_row in pieces for one in of_row]))
        return [
            _present([self._example(row, one, next(encoded)) for one in of_row])
            for row, of_row in zip(prepared, pieces, strict=True)
        ]

    def questions(self, rows: Sequence[Row], choices: Sequence[Sequence[str]]) -> list[Question]:
        """Return the prompt of each row and all of its choices, the right answer among them. Raises Refused."""
        asked: list[list[Piece]] = []
        for row, options in zip(rows, choices, strict=True):
            asked.extend(self._choice(self._prepared(row), option) for option in options)
        encoded = iter(self._ids(asked))
        questions: list[Question] = []
        for row, options in zip(rows, choices, strict=True):
            is_chat = "messages" in self._prepared(row).fields
            pairs = [next(encoded) for _ in options]
            ended = [answered if is_chat else self._ended(answered) for _, answered in pairs]
            answers = [ids[: max(self._max_length - 1, 1)] for ids in ended]
            prompt = self._prompt(pairs[0][0], max(map(len, answers)), is_chat)
            questions.append(Question(prompt, answers, list(options).index(answer(row))))
        return questions

    def prompts(self, rows: Sequence[Row]) -> list[list[int]]:
        """Return what the model continues, for each row; cut from the left to `max_length`. Raises Refused."""
        prepared = [self._prepared(row) for row in rows]
        texts = [self._choice(row, "")[0].text for row in prepared]
        return [
            self._prompt(ids, 0, "messages" in row.fields)
            for row, ids in zip(prepared, self._tokenise(texts), strict=True)
        ]

    def _prepared(self, row: Row) -> Row:
        """Return an instruction as a conversation or a prompt; other rows unchanged."""
        if "instruction" in row.fields:
            return as_conversation(row) if self._chat is not None else as_prompt(row)
        if "messages" in row.fields and self._chat is None:
            raise Refused(f"{row.where}: the row is a conversation, but {_NO_TEMPLATE}")
        return row

    def _pieces(self, row: Row) -> list[list[Piece]]:
        """Return the pieces of each example of the row."""
        if "messages" in row.fields:
            assert self._chat is not None
            with refusing():
                return self._chat.examples(row)
        if "prompt" in row.fields:
            return [[Piece(row.fields["prompt"], False), Piece(row.fields["completion"], True)]]
        return [[Piece(row.fields["text"], True)]]

    def _choice(self, row: Row, option: str) -> list[Piece]:
        """Prompt and one answer: two pieces."""
        if "messages" not in row.fields:
            return [Piece(row.fields["prompt"], False), Piece(option, True)]
        assert self._chat is not None
        with refusing():
            before, answered = self._chat.last_turn(row, option)
        return [Piece(before, False), Piece(answered, True)]

    def _ids(self, pieces: Sequence[Sequence[Piece]]) -> list[list[list[int]]]:
        """The ids of each piece of each row; one call of the tokenizer for all."""
        texts: list[str] = []
        for row in pieces:
            texts.extend("".join(piece.text for piece in row[: end + 1]) for end in range(len(row)))
        encoded = iter(self._tokenise(texts))
        split: list[list[list[int]]] = []
        for row in pieces:
            prefixes = [next(encoded) for _ in row]
            whole = prefixes[-1]
            if all(whole[: len(prefix)] == prefix for prefix in prefixes):
                cuts = [0, *map(len, prefixes)]
                split.append([whole[start:end] for start, end in pairwise(cuts)])
            else:
                split.append(self._tokenise([piece.text for piece in row]))
        return split

    def _tokenise(self, texts: list[str]) -> list[list[int]]:
        if not texts:
            return []
        return self._tokenizer(texts, add_special_tokens=False, return_attention_mask=False, verbose=False)["input_ids"]

    def _example(self, row: Row, pieces: Sequence[Piece], ids: Sequence[list[int]]) -> Example | None:
        if "prompt" in row.fields:
            answered = self._ended(ids[1])[: max(self._max_length - 1, 1)]
            prompt = self._prompt(ids[0], len(answered), is_chat=False)
            is_answer = [False] * len(prompt) + [True] * len(answered)
            return self._cut(prompt + answered, is_answer, bool(self._end_of_text))
        if "text" in row.fields:
            begin, text = self._begin_of_text, self._ended(ids[0])
            return self._cut(begin + text, [False] * len(begin) + [True] * len(text), bool(self._end_of_text))
        is_answer: list[bool] = []
        for piece, piece_ids in zip(pieces, ids, strict=True):
            is_answer.extend([piece.is_answer] * len(piece_ids))
        has_end = all(is_ended(piece.text, self._end_tokens) for piece in pieces if piece.is_answer)
        return self._cut(list(chain.from_iterable(ids)), is_answer, has_end)

    def _ended(self, ids: list[int]) -> list[int]:
        end = self._end_of_text
        return ids if end and ids[-1:] == end else ids + end

    def _prompt(self, ids: list[int], reserved: int, is_chat: bool) -> list[int]:
        """Return the begin-of-text tokens (a chat template writes its own) and the end of the prompt, leaving
        `reserved` tokens for the answer."""
        begin = [] if is_chat else self._begin_of_text
        room = max(self._max_length - reserved - len(begin), 0)
        return (begin + ids[len(ids) - min(room, len(ids)) :])[: self._max_length]

    def _cut(self, ids: list[int], is_answer: list[bool], has_end: bool) -> Example | None:
        ids = ids[: self._max_length]
        targets = [position for position in range(1, len(ids)) if is_answer[position]]
        return Example(array("i", ids), array("i", targets), has_end) if targets else None


def _present(examples: Sequence[Example | None]) -> list[Example]:
    return [example for example in examples if example is not None]
