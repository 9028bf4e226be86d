"""Whether the participants' data is still what the federated run has counted, before anything is trained on it."""

from fedtrain.api.reading.federation import Federation
from fedtrain.contracts import names
from fedtrain.contracts.records import Preflight
from fedtrain.data.errors import DataError
from fedtrain.data.mixed_rows import fingerprint_of, read_data_sets
from fedtrain.ledger.ledger import Ledger
from fedtrain.plurals import several
from fedtrain.runner.bindings import data_of
from fedtrain.runner.errors import RunError


def check_unchanged(federation: Federation, ledger: Ledger) -> None:
    """Raises RunError naming the participants whose rows changed since the run began, or cannot be read."""
    if changed := changed_data(federation, ledger):
        raise RunError(
            "the data changed since the federated run, so a comparison would be of different data:\n  "
            + "\n  ".join(changed)
            + "\nRestore the data, or start a run with another metadata.name."
        )


def changed_data(federation: Federation, ledger: Ledger) -> list[str]:
    """Return each participant whose rows are not those that the run has counted, or cannot be read, with the reason."""
    spec, changed = federation.training.spec, list[str]()
    for participant in spec.participants:
        preflight = ledger.read(names.preflight(participant.name), Preflight)
        if preflight is None:
            continue
        locations = data_of(federation, participant.name)
        try:
            datasets = read_data_sets(spec.data, locations)
        except DataError as error:
            changed.append(f"{participant.name}: {error}")
            continue
        if fingerprint_of(datasets) != preflight.fingerprint:
            counted = preflight.samples + preflight.validation_samples
            where = " and ".join(uri for uri, _ in locations)
            rows = sum(len(one.rows) for one in datasets)
            changed.append(f"{participant.name}: {where} had {several(counted, 'row')}, and has {rows:,} or others")
    return changed
