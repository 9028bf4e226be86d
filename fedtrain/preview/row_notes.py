"""Warnings about rows of a federation's data sets: each with the place of the first row, and no value."""

import re
from collections.abc import Iterator, Sequence

from fedtrain.api.data import FORMAT_FIELDS, REQUIRED_FIELDS, Data
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.data.column_options import first_columns
from fedtrain.data.errors import convert_command
from fedtrain.data.formats import format_of
from fedtrain.data.label_spellings import LabelSpellings
from fedtrain.data.parsing.text_files import UTF8
from fedtrain.data.row import PROBLEMS, Problem
from fedtrain.plurals import form, several
from fedtrain.preview.checked_rows import HUB, CheckedRows
from fedtrain.preview.choices_check import measures_choices
from fedtrain.preview.common_rows import in_both_splits, repeated_rows, shared_rows
from fedtrain.preview.unlearned_labels import unlearned_labels
from fedtrain.quoting import quoted


def row_notes(checked: Sequence[CheckedRows], spec: FederatedTrainingSpec) -> Iterator[str]:
    """Yield warnings about rows, with the place of the first one and no value."""
    for one in checked:
        for problem in PROBLEMS:
            if found := one.warnings.get(problem):
                yield f"{one.label}: {found[1]}{_more(found[0])}. {_advice(problem, one, spec.data)}".rstrip(". ") + "."
        if one.rows and (repeated := repeated_rows(one)):
            count, later, earlier = repeated
            yield (
                f"{one.label}: {count:,} of {several(one.rows, 'row')} {form(count, 'is', 'are')} repeated "
                f"(first: {later} is {earlier}). Remove them: `{_unrepeated(one, spec.data)}`, and use the new file."
            )
        leaked, differing = in_both_splits(one, spec.data, spec.training.seed)
        if leaked:
            yield (
                f"{one.label}: {several(leaked, 'validation row')} {form(leaked, 'is', 'are')} also in the training "
                f"split{differing}, so validation is too optimistic. Remove repeated rows."
            )
    yield from _spellings(checked)
    if measures_choices(spec):
        yield from _unlearned(checked)
    yield from shared_rows(checked)


def _spellings(checked: Sequence[CheckedRows]) -> Iterator[str]:
    """Yield the warning about labels that are not spelled alike in all data sets; each data set of a mix has labels of
    its own."""
    for dataset in dict.fromkeys(one.dataset for one in checked):
        together = LabelSpellings.together(one.spellings for one in checked if one.dataset == dataset)
        if warning := together.warning():
            yield f"data set {dataset}: {warning}" if dataset is not None else warning


def _unlearned(checked: Sequence[CheckedRows]) -> Iterator[str]:
    """Yield the warning about labels of the hub that no participant trains, if all of the participants' rows were
    read."""
    participants = [one for one in checked if one.who != HUB]
    if not all(one.complete and not one.faults and one.spellings.few for one in participants):
        return
    for hub in checked:
        if hub.who == HUB and (warning := unlearned_labels(hub.spellings, [one.spellings for one in participants])):
            yield warning


def _advice(problem: Problem, one: CheckedRows, data: Data) -> str:
    """Return the fix of a warning about a row; empty if the warning names it."""
    if problem in ("RepeatedField", "RepeatedName"):
        return "Keep only one of them"
    if problem == "UnknownRole":
        return "Use one of these roles"
    if problem not in ("BlankPrompt", "BlankAnswer"):
        return ""
    fix = "Fill it in, or delete the row"
    if data.datasets is not None or data.fields is not None or data.format not in ("Messages", "PromptCompletion"):
        return fix
    command = convert_command(one.name, f"--to {data.format} --skip-invalid", "valid")
    return f"{fix}: `{command}` leaves such rows out; use the new file"


def _unrepeated(one: CheckedRows, data: Data) -> str:
    """The command that writes the rows of a data set once. It names the fields that were compared here where `convert`
    would compare others."""
    source = next((each for each in data.sources if each.name == one.dataset), None)
    row_format, fields = (data.format, data.fields) if source is None else (source.format, source.fields)
    given: dict[str, str] = fields.model_dump(exclude_none=True) if fields is not None else {}
    named = {field: name for field, name in given.items() if field in FORMAT_FIELDS[row_format]}
    if format_of(dict.fromkeys([*first_columns((one.uri,), UTF8), *named])) != row_format:
        named = {**{field: field for field in REQUIRED_FIELDS[row_format]}, **named}
    options = "".join(f" --field {quoted(f'{field}={name}')}" for field, name in named.items())
    new = re.sub(r"(\.[A-Za-z0-9]+)?(\.gz)?/?$", "", one.name, count=1)
    return f"fedtrain convert {quoted(one.name)} --drop-repeated{options} -o {quoted(f'{new}-unique.jsonl')}"


def _more(count: int) -> str:
    return f" ({several(count, 'row')})" if count > 1 else ""
