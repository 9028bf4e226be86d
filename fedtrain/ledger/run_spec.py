"""The spec of a run, read from its record."""

from pydantic import ValidationError

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.contracts.records import Run
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.parse import problem_of
from fedtrain.ledger.store import LedgerCorrupt


def spec_of(ledger: Ledger, run: Run) -> FederatedTrainingSpec:
    """Raises LedgerCorrupt for a spec that this version cannot read: a field or a value of a newer one, or an edit."""
    try:
        return FederatedTrainingSpec.model_validate(run.spec)
    except ValidationError as error:
        file, problem = f"{ledger.address.rstrip('/')}/{names.RUN}", f"spec: {problem_of(error)}"
        raise LedgerCorrupt(
            f"{file} cannot be read ({problem}). A newer fedtrain may have written it: upgrade fedtrain, or restore "
            "the file from a backup.",
            problem,
        ) from None
