"""Counts rows whose answer has no end token, and rows with control tokens in their text.

The trainer trains them unchanged, but a model that never sees the end of an answer does not learn to stop."""

from collections.abc import Iterator, Sequence

from fedtrain.api.model import Model
from fedtrain.data.base_files import BaseFiles
from fedtrain.data.chat.template import ChatTemplate
from fedtrain.data.control_tokens import finder, is_ended
from fedtrain.data.row import Row
from fedtrain.plurals import form, several
from fedtrain.preview.row_lengths import Pieces


class _Count:
    """Number of rows, and the place of the first one."""

    def __init__(self) -> None:
        self.rows, self.first = 0, ""

    def add(self, row: Row) -> None:
        self.first = self.first or row.where
        self.rows += 1


class TokenFaults:
    """`model`: names the base model `base`. `template`: its chat template, if it has one."""

    def __init__(self, base: BaseFiles, model: Model, template: ChatTemplate | None) -> None:
        special = {*base.end_tokens, *(text for text, token in base.added_tokens.items() if token.is_special)}
        ends = base.special_tokens.get("eos_token")
        self._base, self._model, self._template = base, model, template
        self._end_tokens = tuple({*base.end_tokens, *base.added_tokens})
        self._control_token = finder(special, special if ends is None else (ends,))
        self._rows, self._endless, self._unended, self._controlled = 0, _Count(), _Count(), _Count()
        self._token = ""

    def add(self, row: Row, examples: Sequence[Pieces]) -> None:
        self._rows += 1
        if "messages" in row.fields or ("instruction" in row.fields and self._template is not None):
            answers = (text for example in examples for text, is_answer in example if is_answer)
            if not all(is_ended(answer, self._end_tokens) for answer in answers):
                self._endless.add(row)
        elif self._base.lacks_end_of_text:
            self._unended.add(row)
        if (token := self._control_token(row)) is not None:
            self._token = self._token or token
            self._controlled.add(row)

    def notes(self) -> Iterator[str]:
        """Yield a warning for each kind of fault: its rows, the first one and the fix."""
        if (found := self._endless).rows:
            yield (
                f"{self._of(found)} an assistant turn without an end token, so the model does not learn to stop "
                f"(first: {found.first}): the base model's chat template {self._fault_of_template()}"
            )
        if (found := self._unended).rows:
            yield (
                f"{self._of(found)} no end token after the answer, so the model does not learn to stop (first: "
                f"{found.first}): the base model's tokenizer has no `eos_token`. "
                f"{self._end_token_fix()}"
            )
        if (found := self._controlled).rows:
            owner = form(found.rows, "its", "their")
            yield (
                f"{self._of(found)} a control token of the base model's tokenizer in {owner} text, such as "
                f"`{self._token}` (first: {found.first}). The model reads it as a mark, such as the end of a turn. "
                "Remove it; if it marks the turns of conversations, use `format: Messages`."
            )

    def _of(self, found: _Count) -> str:
        return f"{found.rows:,} of {several(self._rows, 'checked row')} {form(found.rows, 'has', 'have')}"

    def _end_token_fix(self) -> str:
        """A model from Hugging Face is fixed in a copy: its files in the cache are those of a commit."""
        if self._model.revision is None:
            return f"Set it in {self._base.folder / 'tokenizer_config.json'}."
        copy = f"hf download {self._model.base} --revision {self._model.revision} --local-dir base"
        return (
            f"Copy the model (`{copy}`), set it in base/tokenizer_config.json, and name the copy, which all "
            "participants need, in `model.base` without `revision`; or use another base model."
        )

    def _fault_of_template(self) -> str:
        if self._template is not None and self._template.marks_generation:
            return (
                "writes it after `{% endgeneration %}`, or not at all. Move `{% endgeneration %}` behind the end token."
            )
        return "does not write one. Add one to the template, or use a base model whose template ends turns."
