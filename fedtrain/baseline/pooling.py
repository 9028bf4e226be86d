"""Writes all participants' training rows to files: only for a comparison on one machine that has all data."""

from collections.abc import Mapping
from pathlib import Path

from fedtrain.api.places import scheme
from fedtrain.api.reading.federation import Federation
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.data.errors import DataError
from fedtrain.data.parsing import parse_all
from fedtrain.partitioning import split_indices, stream_of
from fedtrain.plurals import several
from fedtrain.results.folders import write_file
from fedtrain.results.pooled_rows import pooled_file
from fedtrain.runner.bindings import data_of
from fedtrain.runner.errors import RunError


def pool_rows(federation: Federation, preflights: Mapping[str, Preflight], folder: Path) -> None:
    """Write the training rows of all participants to a file for each data set in `folder`, one JSON object per line, in
    the file's order of participants, without validation rows. Only this user may read them. Raises RunError if data
    cannot be read here or has changed."""
    spec = federation.training.spec
    lines: dict[str, list[str]] = {name: [] for name in spec.data.names}
    for participant in spec.participants:
        who, preflight = participant.name, preflights.get(participant.name)
        if preflight is None:
            continue
        trained, held_out = 0, 0
        for name, (uri, _) in zip(spec.data.names, data_of(federation, who), strict=True):
            rows, stream = _lines(uri), stream_of(who, name if spec.data.datasets is not None else None)
            split = split_indices(len(rows), spec.data.validation_fraction, spec.training.seed, stream)
            lines[name] += [rows[int(at)] for at in split[0]]
            trained, held_out = trained + len(split[0]), held_out + len(split[1])
        if (trained, held_out) != (preflight.samples, preflight.validation_samples):
            raise RunError(
                f"the data of {who} changed since the run: {several(trained, 'training row')} instead of "
                f"{preflight.samples}; restore the old data to pool it"
            )
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name, rows in lines.items():
        write_file(pooled_file(folder, name), "".join(f"{line}\n" for line in rows).encode(), mode=0o600)


def _lines(uri: str) -> list[str]:
    """Return all rows as lines of JSON, in the trainer's order."""
    if scheme(uri) != "file":
        raise RunError(f"{uri} is not on this machine, so its rows cannot be pooled. Use `--alone-only`")
    root = Path(uri.removeprefix("file://")).expanduser()
    try:
        return [parsed.line() for parsed in parse_all(root, uri)]
    except DataError as error:
        raise RunError(f"the rows of {root} cannot be pooled: {error}") from error
