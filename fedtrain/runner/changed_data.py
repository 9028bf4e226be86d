"""Whether the participants' rows on this machine are still those that a run has counted."""

from collections.abc import Mapping

from fedtrain.api.places import scheme, short_path
from fedtrain.api.reading.federation import Federation
from fedtrain.contracts import names
from fedtrain.contracts.records import Preflight
from fedtrain.data.errors import DataError
from fedtrain.data.mixed_rows import fingerprint_of, read_data_sets
from fedtrain.ledger.ledger import Ledger
from fedtrain.plurals import several
from fedtrain.runner.bindings import data_of


def changed_data(federation: Federation, ledger: Ledger, *, on_disk: bool = False) -> Mapping[str, str]:
    """Return the participants whose rows are not those that the run has counted, or cannot be read, with the reason.
    `on_disk`: does not look at participants with data in a bucket."""
    spec, changed = federation.training.spec, dict[str, str]()
    for participant in spec.participants:
        preflight = ledger.read(names.preflight(participant.name), Preflight)
        if preflight is None:
            continue
        locations = data_of(federation, participant.name)
        if on_disk and any(scheme(uri) != "file" for uri, _ in locations):
            continue
        try:
            datasets = read_data_sets(spec.data, locations)
        except DataError as error:
            changed[participant.name] = str(error)
            continue
        if fingerprint_of(datasets) != preflight.fingerprint:
            where = " and ".join(short_path(uri) for uri, _ in locations)
            counted, rows = preflight.samples + preflight.validation_samples, sum(len(one.rows) for one in datasets)
            now = f"and has {rows:,}" if rows != counted else "and has other ones"
            changed[participant.name] = f"{where} had {several(counted, 'row')}, {now}"
    return changed
