"""Where the ledgers of privacy of a data set are on one machine. The loss is that of rows, so a data set also counts
the ledgers of data that it contains, or that contains it.

A data set in files has one ledger beside it, and one beside each file elsewhere that a link in its folder leads to.
Ledgers of the folders above it and of all data below it count as well. Nothing leads from a hard link to the other
names of its rows, so files with several names are refused.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from fedtrain.api.participant_policy import Dataset
from fedtrain.api.places import scheme
from fedtrain.api.reading.federation import Federation
from fedtrain.manifests.privacy_ledger import LedgerUnreadable

SUFFIX = ".privacy"


@dataclass(frozen=True)
class Ledgers:
    """Ledgers of a data set. `own`: its rounds are entered there. `related`: existing ledgers of overlapping data.
    `bucket`: URI of data in a bucket; the ledger is that of the whole bucket."""

    own: tuple[Path, ...]
    related: tuple[Path, ...] = ()
    bucket: str | None = None


def ledgers_of(federation: Federation, dataset: Dataset) -> Ledgers:
    """Return the ledgers of a data set. Raises LedgerUnreadable if its files have other names, or if a folder in it
    cannot be listed."""
    place = federation.resolve(dataset.uri)
    if scheme(place) != "file":
        folder = Path(os.path.realpath(federation.path)).parent
        return Ledgers((folder / f".s3-{_bucket(place)}{SUFFIX}",), bucket=place)
    roots = _roots(Path(os.path.realpath(place)))
    own = tuple(sorted({_beside(root) for root in roots}))
    related = {ledger for root in roots for ledger in (*_above(root), *_below(root))}
    return Ledgers(own, tuple(sorted(related - set(own))))


def _bucket(uri: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", uri.split("//", 1)[-1].split("/", 1)[0])


def _roots(data: Path) -> list[Path]:
    """Return the data set, and the files outside of it that links in its folder lead to. Raises LedgerUnreadable."""
    found = [data]
    for file in _files(data):
        real = Path(os.path.realpath(file))
        if real.exists() and (names := real.stat().st_nlink) > 1:
            raise LedgerUnreadable(
                f"{real} has {names} names (hard links), and the ledger of privacy cannot count trainings on the "
                "others. Replace it by a copy, or the other names by symbolic links"
            )
        if data != real and data not in real.parents:
            found.append(real)
    return found


def _files(data: Path) -> Iterator[Path]:
    """The visible files of a data set, as the trainer reads them."""
    if not data.is_dir():
        yield data
        return
    for folder, inner, names in os.walk(data, onerror=_refuse):
        inner[:] = [name for name in inner if not name.startswith(".")]
        yield from (Path(folder, name) for name in names if not name.startswith("."))


def _beside(data: Path) -> Path:
    return data.parent / f".{data.name}{SUFFIX}"


def _above(data: Path) -> Iterator[Path]:
    """The existing ledgers of the folders that contain the data."""
    return (ledger for above in data.parents if above.name and (ledger := _beside(above)).exists())


def _below(data: Path) -> Iterator[Path]:
    """The existing ledgers of data in the folder."""
    for folder, _, names in os.walk(data, onerror=_refuse) if data.is_dir() else ():
        yield from (Path(folder, name) for name in names if name.startswith(".") and name.endswith(SUFFIX))


def _refuse(error: OSError) -> NoReturn:
    raise LedgerUnreadable(
        f"{error.filename}: the folder cannot be listed ({error.strerror}), and it may have ledgers of privacy. Let "
        "this user read it, or move it out of the data"
    )
