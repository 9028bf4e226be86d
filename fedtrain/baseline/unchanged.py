"""Whether data and trainings are still those of the run that exists, before anything is trained."""

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.reading.federation import Federation
from fedtrain.baseline.arms import ArmRun
from fedtrain.contracts import names
from fedtrain.contracts.records import Run
from fedtrain.ledger.ledger import Ledger
from fedtrain.plurals import several
from fedtrain.quoting import quoted
from fedtrain.runner.changed_base import check_same_base
from fedtrain.runner.changed_data import changed_data
from fedtrain.runner.errors import RunError


def check_unchanged(federation: Federation, ledger: Ledger) -> None:
    """Raises RunError naming the participants whose rows changed since the run began, or cannot be read; also if the
    base model is another one."""
    check_same_base(federation, ledger)
    if changed := changed_data(federation, ledger):
        raise RunError(
            "the data changed since the federated run, so a comparison would be of different data:\n  "
            + "\n  ".join(f"{who}: {one.why}" for who, one in changed.items())
            + "\nRestore the data, or start a run with another `metadata.name`."
        )


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
