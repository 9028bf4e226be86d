"""`data.fields` with names that no row has, while the rows have the names of the format."""

from collections.abc import Sequence

from fedtrain.api.data import REQUIRED_FIELDS
from fedtrain.api.reading.errors import FieldError
from fedtrain.api.reading.federation import Federation
from fedtrain.listing import listed
from fedtrain.preview.checked_rows import CheckedRows


def useless_fields(federation: Federation, rows: Sequence[CheckedRows]) -> FieldError | None:
    """The one error of all rows of all data sets that were read; None if some have other errors or none."""
    data, read = federation.training.spec.data, [one for one in rows if one.absent is None]
    required = REQUIRED_FIELDS[data.format]
    if data.fields is None or data.datasets is not None or not read:
        return None
    if any(one.rows or one.names.rows < len(one.faults) or not set(required) <= set(one.names.names) for one in read):
        return None
    names = {field: name for field, name in data.fields.model_dump(exclude_none=True).items() if field in required}
    wrong = {field: name for field, name in names.items() if not any(name in one.names.names for one in read)}
    if not wrong:
        return None
    first = read[0].faults[0].problem.partition(": ")[0]
    unknown, fields = (listed([f"`{name}`" for name in names]) for names in (wrong.values(), wrong))
    all_wrong = set(wrong) == data.fields.model_fields_set
    return federation.error_at(
        ("spec", "data", "fields"),
        f"`fields` names {unknown}, which no checked row has; all rows have {fields} (first: {first}).",
        f"Remove {'`fields`' if all_wrong else f'{fields} from `fields`'}.",
    )
