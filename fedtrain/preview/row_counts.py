"""Count the rows of the participants' data sets, with the checks of the trainer."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from fedtrain.api.data import Fields, Format
from fedtrain.api.places import scheme
from fedtrain.api.reading.federation import Federation
from fedtrain.api.storage import Storage
from fedtrain.data.errors import DataError
from fedtrain.data.reader import read_rows


class CountError(Exception):
    """The rows cannot be counted on this machine."""


class BadRows(Exception):
    """The trainer would refuse the data. The message names file, line and field."""


class Uncounted(Exception):
    """The rows of these participants cannot be counted on this machine: participant -> reason."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{who}: {why}" for who, why in reasons.items()))
        self.reasons = dict(reasons)


class Refusable(Exception):
    """The trainer would refuse the data of these participants: participant -> first invalid row and reason."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{who}: {why}" for who, why in reasons.items()))
        self.reasons = dict(reasons)


def count_rows(uri: str, format: Format, fields: Fields | None = None) -> int:
    """Return the number of rows of a data set. Raises CountError, BadRows."""
    if scheme(uri) != "file":
        raise CountError(f"{uri} is not on this machine")
    if not Path(uri.removeprefix("file://")).expanduser().exists():
        raise CountError(f"{uri}: no such file or folder")
    try:
        return len(read_rows(uri, format, Storage(), fields))
    except DataError as error:
        raise BadRows(str(error)) from error


def count(federation: Federation, given: Mapping[str, int]) -> dict[str, int]:
    """Return the number of rows of each participant: given, or counted and checked. Raises Uncounted, Refusable."""
    counts: dict[str, int] = {}
    failed: dict[str, str] = {}
    bad: dict[str, str] = {}
    data = federation.training.spec.data
    for participant in federation.training.spec.participants:
        name = participant.name
        try:
            where = federation.resolve(place(federation, name))
            counts[name] = given[name] if name in given else count_rows(where, data.format, data.fields)
        except CountError as error:
            failed[name] = str(error)
        except BadRows as error:
            bad[name] = str(error)
    hub = federation.training.spec.evaluation.hub
    if hub is not None:
        with suppress(CountError):  # the plan does not depend on this count
            try:
                count_rows(federation.resolve(hub.data.uri), data.format, data.fields)
            except BadRows as error:
                bad["hub"] = str(error)
    if bad:
        raise Refusable(bad)
    if failed:
        raise Uncounted(failed)
    return counts


def place(federation: Federation, name: str) -> str:
    """Return the location of the participant's data, from its policy."""
    wanted = federation.training.spec.data.dataset
    return next(dataset.uri for dataset in federation.policies[name].spec.datasets if dataset.name == wanted)
