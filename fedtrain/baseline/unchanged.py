"""Whether data and trainings are still those of the run that exists, before anything is trained."""

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.reading.federation import Federation
from fedtrain.baseline.arms import ArmRun
from fedtrain.contracts import names
from fedtrain.contracts.records import Preflight, Run
from fedtrain.data.errors import DataError
from fedtrain.data.mixed_rows import fingerprint_of, read_data_sets
from fedtrain.ledger.ledger import Ledger
from fedtrain.plurals import several
from fedtrain.quoting import quoted
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


def check_same_training(arm: ArmRun, ledger: Ledger) -> None:
    """Raises RunError if the arm's run has trained for other steps or from another adapter. `ledger`: of that run."""
    claimed = ledger.read(names.RUN, Run)
    if claimed is None:
        return
    before, now = _training(FederatedTrainingSpec.model_validate(claimed.spec)), _training(arm.federation.training.spec)
    if before != now:
        raise RunError(
            f"{ledger.address} was trained {before}, not {now}. To train it again, delete it first: "
            f"`fedtrain delete {quoted(ledger.address)} --yes`."
        )


def _training(spec: FederatedTrainingSpec) -> str:
    start = spec.model.adapter.initial_from
    return f"for {several(spec.training.length.steps or 0, 'step')} from {start.digest if start else 'the base model'}"
