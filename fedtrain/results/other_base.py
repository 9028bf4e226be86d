"""Whether the base model that a command uses is the one that the run began with."""

from collections.abc import Callable
from pathlib import Path

from fedtrain.api.model import Model
from fedtrain.api.places import short_path
from fedtrain.contracts.base_fingerprint import BaseFingerprint
from fedtrain.data.base_fingerprint import fingerprint_in, fingerprint_of_tokenizer
from fedtrain.ledger.ledger import Ledger
from fedtrain.results.base_folder import use_base
from fedtrain.runner.changed_base import other_base

_ORIGINAL = "Put the original files back, or name a folder that has them with --base"


def why_other_model(ledger: Ledger, model: Model, folder: Path, named: str | None = None) -> str | None:
    """Return how the base model in `folder` differs from the run's, and what to do; None if it does not, or if the run
    has not recorded it. `named`: the folder as the user names it with --base. Raises StoreError."""
    return _why(ledger, model, folder, named, fingerprint_in)


def why_other_tokenizer(ledger: Ledger, model: Model, folder: Path, named: str | None = None) -> str | None:
    """Return the same of its tokenizer and chat template alone."""
    return _why(ledger, model, folder, named, fingerprint_of_tokenizer)


def _why(
    ledger: Ledger, model: Model, folder: Path, named: str | None, read: Callable[[Path], BaseFingerprint]
) -> str | None:
    shown = f"model.base {short_path(str(folder))}" if named is None else f"--base {named}"
    why = other_base(ledger, folder, shown, read)
    return None if why is None else f"{why}. {_ORIGINAL if named is None else use_base(model.base)}."
