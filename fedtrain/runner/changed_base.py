"""Whether the base model on this machine is still the one that a run began with."""

from collections.abc import Callable
from pathlib import Path

from fedtrain.api.places import short_path
from fedtrain.api.reading.federation import Federation
from fedtrain.contracts import names
from fedtrain.contracts.base_fingerprint import BaseFingerprint
from fedtrain.contracts.records import Initial
from fedtrain.data.base_fingerprint import FIX, fingerprint_in, why_other_base
from fedtrain.data.errors import DataError
from fedtrain.ledger.ledger import Ledger
from fedtrain.runner.bindings import base_path
from fedtrain.runner.errors import RunError


def changed_base(federation: Federation, ledger: Ledger) -> str | None:
    """Return how the base model differs from the run's; None if it does not, if the run has not recorded it, or if it
    is not a folder: the trainer compares a base in a bucket once it has downloaded it. Raises StoreError."""
    folder = base_path(federation)
    return None if folder is None else other_base(ledger, Path(folder), f"model.base {short_path(folder)}")


def other_base(
    ledger: Ledger, folder: Path, shown: str, read: Callable[[Path], BaseFingerprint] = fingerprint_in
) -> str | None:
    """Return how the base model in `folder` differs from the one that the run began with; None if it does not, or if
    the run has not recorded it. `shown`: its field or option and its name. `read` returns the parts to compare. Raises
    StoreError."""
    initial = ledger.read(names.initial(), Initial)
    if initial is None or initial.base_fingerprint is None:
        return None
    try:
        found = read(folder)
    except DataError as error:
        return error.problem
    except OSError as error:
        return f"{shown}: {error.filename or folder}: {error.strerror}"
    return why_other_base(shown, initial.base_fingerprint, found)


def check_same_base(federation: Federation, ledger: Ledger) -> None:
    """Raises RunError before any worker starts if the base model is not the run's."""
    if (why := changed_base(federation, ledger)) is not None:
        raise RunError(f"{why}. {FIX}.")
