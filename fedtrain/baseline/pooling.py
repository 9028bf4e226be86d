"""Writes all participants' training rows to one file: only for a comparison on one machine that has all data."""

from pathlib import Path

from fedtrain.api.places import scheme
from fedtrain.api.reading.federation import Federation
from fedtrain.contracts.records import Preflight
from fedtrain.data.errors import DataError
from fedtrain.data.parsing import parse_all
from fedtrain.partitioning import split_indices
from fedtrain.plurals import several
from fedtrain.results.folders import write_file
from fedtrain.runner.errors import RunError


def pool_rows(federation: Federation, preflights: dict[str, Preflight], target: Path) -> Path:
    """Write the training rows of all participants to `target`, one JSON object per line, in the file's order of
    participants, without validation rows. Raises RunError if data cannot be read here or has changed."""
    spec, lines = federation.training.spec, list[str]()
    for participant in spec.participants:
        preflight = preflights.get(participant.name)
        if preflight is None:
            continue
        rows = _lines(_uri(federation, participant.name))
        train, held_out = split_indices(len(rows), spec.data.validation_fraction, spec.training.seed, participant.name)
        if (len(train), len(held_out)) != (preflight.samples, preflight.validation_samples):
            raise RunError(
                f"the data of {participant.name} changed since the run: {several(len(train), 'training row')} "
                "instead of "
                f"{preflight.samples}; restore the old data to pool it"
            )
        lines += [rows[int(at)] for at in train]
    return write_file(target, "".join(f"{line}\n" for line in lines).encode())


def _uri(federation: Federation, who: str) -> str:
    datasets = federation.policies[who].spec.datasets
    return federation.resolve(next(one.uri for one in datasets if one.name == federation.training.spec.data.dataset))


def _lines(uri: str) -> list[str]:
    """Return all rows as lines of JSON, in the trainer's order."""
    if scheme(uri) != "file":
        raise RunError(f"{uri} is not on this machine, so its rows cannot be pooled. Use --alone-only")
    root = Path(uri.removeprefix("file://")).expanduser()
    try:
        return [parsed.line() for parsed in parse_all(root, uri)]
    except DataError as error:
        raise RunError(f"the rows of {root} cannot be pooled: {error}") from error
