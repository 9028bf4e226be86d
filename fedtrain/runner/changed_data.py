"""Whether the participants' rows on this machine are still those that a run has counted."""

from collections.abc import Mapping
from typing import NamedTuple

from fedtrain.api.places import scheme, short_path
from fedtrain.api.reading.federation import Federation
from fedtrain.contracts import names
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.data.errors import DataError
from fedtrain.data.mixed_rows import fingerprint_of, read_data_sets
from fedtrain.ledger.ledger import Ledger
from fedtrain.plurals import several
from fedtrain.runner.bindings import data_of, fingerprint_keys
from fedtrain.runner.secret_keys import key_file


class Changed(NamedTuple):
    """Why the rows of a participant are not those of a run; `unknown`: why nothing shows whether they are."""

    why: str
    unknown: bool = False


def changed_data(federation: Federation, ledger: Ledger, *, on_disk: bool = False) -> Mapping[str, Changed]:
    """Return the participants whose rows are not those that the run has counted, or cannot be read, with the reason.
    `on_disk`: does not look at participants with data in a bucket."""
    spec, changed = federation.training.spec, dict[str, Changed]()
    for participant in spec.participants:
        preflight = ledger.read(names.preflight(participant.name), Preflight)
        if preflight is None:
            continue
        locations = data_of(federation, participant.name)
        key = key_file(fingerprint_keys(federation), participant.name)
        if on_disk and any(scheme(uri) != "file" for uri, _ in locations):
            continue
        try:
            datasets = read_data_sets(spec.data, locations)
        except DataError as error:
            changed[participant.name] = Changed(str(error))
            continue
        counted, rows = preflight.samples + preflight.validation_samples, sum(len(one.rows) for one in datasets)
        if rows != counted:
            now = f"has {rows:,}"
        elif not key.exists():
            where = f"the key of their fingerprint, {short_path(str(key))}, is missing"
            changed[participant.name] = Changed(where, unknown=True)
            continue
        elif fingerprint_of(datasets, participant.name, key.read_bytes()) != preflight.fingerprint:
            now = "has other ones"
        else:
            continue
        where = " and ".join(short_path(uri) for uri, _ in locations)
        changed[participant.name] = Changed(f"{where} had {several(counted, 'row')}, and {now}")
    return changed
