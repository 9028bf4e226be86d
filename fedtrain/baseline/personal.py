"""Personalisation: each participant continues from the federated adapter on its own rows and keeps the result.

The adapters are runs with ledgers beside the federated run. They are not measured at the hub or on the data of others.
"""

from fedtrain.api.reading.federation import Federation
from fedtrain.baseline.arms import ArmRun, arm_name, personalised
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.ledger.ledger import Ledger
from fedtrain.results.deletion import INITIAL_ADAPTER
from fedtrain.results.export import export
from fedtrain.results.locate import run_folder
from fedtrain.results.summary import summarise
from fedtrain.runner.errors import RunError


def check_personal(federation: Federation) -> None:
    """Raises RunError if the storage of the run would send the adapters elsewhere."""
    if federation.training.spec.storage.type != "File":
        raise RunError(
            "--personalise keeps each participant's adapter on this machine, but spec.storage is a bucket. Use "
            "storage.type: File, or let each participant run the file of `fedtrain init --from` on its own."
        )


def personal_arms(federation: Federation, ledger: Ledger, preflights: dict[str, Preflight], steps: int) -> list[ArmRun]:
    """Return one run for each participant that has counted its data; the adapter to start from is exported to its
    folder. Raises StoreError, OSError."""
    adapter, folder = summarise(ledger).adapter, run_folder(ledger)
    assert adapter is not None
    assert folder is not None
    arms: list[ArmRun] = []
    for who in (participant.name for participant in federation.training.spec.participants):
        if who in preflights:
            start = folder.with_name(arm_name(ledger.name, f"personal-{who}")) / INITIAL_ADAPTER
            arms.append(personalised(federation, who, steps, export(ledger, start, federation=federation), adapter))
    return arms
