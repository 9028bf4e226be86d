"""The rows of all data sets that a participant trains on, one data set after another."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from blake3 import blake3

from fedtrain.api.data import Data
from fedtrain.contracts.canonical import canonical_json
from fedtrain.contracts.places import Place
from fedtrain.contracts.record_fields import Digest
from fedtrain.data.errors import DataError
from fedtrain.data.reader import read_rows
from fedtrain.data.row import Row, digest_of_rows
from fedtrain.data.row_limit import check_number

_CONTEXT = "fedtrain 2026-11-29 fingerprint of a participant's rows"
"""Context of the derived key. A use with another context gets another key from the same secret."""


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
        check_number(sum(len(one.rows) for one in found), "all data sets together")
    return tuple(found)


def fingerprint_of(datasets: Sequence[DatasetRows], participant: str, secret: bytes) -> Digest:
    """Return the fingerprint of the rows: keyed BLAKE3 over the digest of a single data set's rows, or over the
    canonical JSON of an object with the digest of each by its name. Equal rows of a participant have equal
    fingerprints. `secret`: stays with the participant, so that nobody else can test guesses of its rows."""
    found: Mapping[str, Digest] = {one.name: digest_of_rows(one.rows) for one in datasets}
    content = next(iter(found.values())).encode() if len(found) == 1 else canonical_json(found)
    key = blake3(secret, derive_key_context=_CONTEXT).digest()
    return f"blake3:{blake3(f'{participant}/'.encode() + content, key=key).hexdigest()}"
