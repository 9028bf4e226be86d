"""Read one document as a model of the API: the model, or its valid part, and the errors."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from fedtrain.api.base import Block
from fedtrain.api.paths import Path, show
from fedtrain.api.reading.adapter_digest import with_digest
from fedtrain.api.reading.document_error import DocumentError
from fedtrain.api.reading.documents import Located
from fedtrain.api.reading.empty_fields import empty_fields
from fedtrain.api.reading.formatting import is_map
from fedtrain.api.reading.item_names import with_free_name
from fedtrain.api.reading.kubernetes_fields import kubernetes_errors
from fedtrain.api.reading.list_errors import lists_names
from fedtrain.api.reading.meant_fields import fields_to_skip, is_around, is_of_other_type, meant_field
from fedtrain.api.reading.partial_model import partial
from fedtrain.api.reading.policies_as_participants import with_names_of_policies
from fedtrain.api.reading.requesters import of_this_training
from fedtrain.api.reading.row_fields import mapped_fields
from fedtrain.api.reading.type_errors import empty, translate
from fedtrain.api.reading.unknown_fields import named_by_key, unknown_field
from fedtrain.api.shapes import block_at, field_at, fields_of
from fedtrain.api.similar_words import nearest

B = TypeVar("B", bound=Block)


def read_model(
    model: type[B], raw: dict[str, Any], document: Located, documents: Sequence[Located], folder: File | None
) -> tuple[B, list[DocumentError]]:
    """Return `raw`, the fields of `document`, as a model, or its valid part, and the errors. `documents`: all documents
    of the file. `folder`: where relative paths start; None if paths are those of pods."""
    errors = list(kubernetes_errors(model, raw, document.text_at))
    errors += [DocumentError(path, *empty(field)) for path, field in empty_fields(model, raw)]
    try:
        return model.model_validate(raw, by_alias=True, by_name=False), errors
    except ValidationError as error:
        details = error.errors()
    meant = [found for detail in details if (found := _meant(model, detail, document)) is not None]
    translator = _Translator(model, document, documents, folder)
    for detail in details:
        if detail["type"] == "too_short" and detail["input"]:  # pydantic does not count invalid items
            continue
        path = tuple(detail["loc"])
        if detail["type"] == "missing" and (
            is_around(path, meant)
            or named_by_key(model, path[:-1], document)
            or is_of_other_type(model, path[:-1], document)
        ):
            continue
        errors += translator.translated(detail, path)
    unread = [path for field in meant for path in fields_to_skip(model, field, document)]
    return partial(model, raw, {*(tuple(detail["loc"]) for detail in details), *unread}), errors


def _meant(model: type[Block], detail: ErrorDetails, document: Located) -> Path | None:
    """Return the field that an unknown field probably means."""
    return meant_field(model, tuple(detail["loc"]), document) if detail["type"] == "extra_forbidden" else None


@dataclass(frozen=True)
class _Translator:
    """Messages for the errors of pydantic in a document."""

    model: type[Block]
    document: Located
    documents: Sequence[Located]
    folder: File | None

    def translated(self, detail: ErrorDetails, path: Path) -> Iterator[DocumentError]:
        """Yield the error at `path`; none if another error says the same."""
        if detail["type"] == "extra_forbidden":
            yield DocumentError(path, *unknown_field(self.model, path, self.document), at_key=True)
            return
        if detail["type"] == "missing" and (near := self._misspelt(path)):
            message = f"{near} is not a field of {show(path[:-1])}."
            yield DocumentError((*path[:-1], near), message, f"Did you mean `{path[-1]}`?", at_key=True)
            return
        if detail["type"] == "missing" and (choice := self._variant(path)):
            yield DocumentError(path, f"{path[-1]} is required.", f"Add `{path[-1]}: {choice}`.")
            return
        field = field_at(self.model, path)
        assert field is not None, path
        item = isinstance(path[-1], int) or path[-1] != field.name
        around = self.document.at(path[:-1]) if item else None
        if path[-1] != 0 and lists_names(field, around):
            return  # the error of the first name shows the whole list
        block = block_at(self.model, path[:-1])
        names = mapped_fields(field, detail["input"], self.document.at(("spec", "data", "format")))
        message, fix = names or translate(detail, field, item, self.document.text_at(path), block, around)
        if detail["type"] == "missing":
            fix = with_free_name(fix, path, self.document, block)
        uri = detail["input"] if isinstance(detail["input"], str) else self.document.at((*path[:-1], "uri"))
        fix = with_names_of_policies(with_digest(fix, uri, self.folder), path, self.documents)
        also = of_this_training(path, detail["input"], self.documents)
        yield DocumentError(path, message, f"{fix} {also}" if also else fix)

    def _variant(self, missing: Path) -> str | None:
        """Return the value that a missing discriminator must have, because the block has the fields of one variant."""
        *around, name = missing
        beside, block = self.document.at(tuple(around)), block_at(self.model, around)
        for union in block.unions if block is not None and is_map(beside) else ():
            named = [choice for choice, member in union.members.items() if member in beside]
            if union.discriminator == name and len(named) == 1:
                return named[0]
        return None

    def _misspelt(self, missing: Path) -> str | None:
        """Return a field with a similar name beside a missing one, in a block that ignores unknown fields."""
        *around, name = missing
        beside, block = self.document.at(tuple(around)), block_at(self.model, around)
        if not is_map(beside) or block is None or block.model_config.get("extra") == "forbid":
            return None
        return nearest(str(name), set(beside) - set(fields_of(block)))
