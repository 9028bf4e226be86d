"""The rows of all data sets that a participant trains on, one data set after another."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fedtrain.api.data import Data
from fedtrain.contracts.canonical import canonical_json
from fedtrain.contracts.digests import digest_bytes
from fedtrain.contracts.places import Place
from fedtrain.contracts.record_fields import Digest
from fedtrain.data.errors import DataError
from fedtrain.data.reader import read_rows
from fedtrain.data.row import Row, fingerprint


@dataclass(frozen=True)
class DatasetRows:
    """`name`: logical name of the data set. `rows`: all rows, in order."""

    name: str
    rows: list[Row]


def read_data_sets(data: Data, locations: Iterable[tuple[str, Place | None]]) -> tuple[DatasetRows, ...]:
    """Return the rows of each data set of a training. `locations`: location of each and access to it, in the order of
    `data`. Raises DataError naming file, line and field, with several data sets also the data set; StoreError."""
    found: list[DatasetRows] = []
    for source, (uri, place) in zip(data.sources, locations, strict=True):
        try:
            found.append(DatasetRows(source.name, read_rows(uri, source.format, place, source.fields)))
        except DataError as error:
            if data.datasets is None:
                raise
            raise DataError(f"data set {source.name}: {error.problem}", error.fix) from error
    return tuple(found)


def fingerprint_of(datasets: Sequence[DatasetRows]) -> Digest:
    """Return the fingerprint of the rows of a single data set. Of several: BLAKE3 over the canonical JSON of an object
    with the fingerprint of each by its name."""
    found: Mapping[str, Digest] = {one.name: fingerprint(one.rows) for one in datasets}
    return next(iter(found.values())) if len(found) == 1 else digest_bytes(canonical_json(found))
