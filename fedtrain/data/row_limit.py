"""How many rows a participant may have."""

from fedtrain.contracts.record_fields import MAX_SAMPLES
from fedtrain.data.errors import DataError
from fedtrain.plurals import several


def check_number(rows: int, name: str) -> None:
    """Raises DataError if the data set `name` has more rows than a round can be planned for."""
    if rows > MAX_SAMPLES:
        raise DataError(
            f"{name}: there are more than {several(MAX_SAMPLES, 'row')}", "use fewer, such as a part of the files"
        )
