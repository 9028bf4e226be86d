"""Whether the base model is still the one that the run began with: round 0 records its fingerprint, and each task that
loads it carries the record."""

from functools import lru_cache
from pathlib import Path

from fedtrain.api.model import Model
from fedtrain.contracts.base_fingerprint import BaseFingerprint
from fedtrain.contracts.tasks import Binding, Task
from fedtrain.data.base_fingerprint import FIX, fingerprint, fingerprint_in, why_other_base
from fedtrain_trainer.base import folder_here, name_here, remote_weights, stamp
from fedtrain_trainer.outcome import Refused


def fingerprint_of_base(model: Model, binding: Binding, folder: Path) -> BaseFingerprint | None:
    """Return the fingerprint of the base whose settings are in `folder`; None for a model id on Hugging Face, which its
    revision pins, and whose cache on this machine must not change a record. Reads little of weights in a bucket. Raises
    Refused, DataError, StoreError."""
    base = name_here(model, binding)
    if base.startswith("s3://"):
        return fingerprint(folder, remote_weights(base, binding, folder))
    return fingerprint_in(folder) if folder_here(base).exists() else None


def check_base(task: Task, binding: Binding, folder: Path) -> None:
    """Raises Refused if the base in `folder` is not the one that round 0 recorded."""
    recorded = task.base_fingerprint
    if recorded is None:
        return
    shown = f"model.base {name_here(task.model, binding)}"
    why = why_other_base(shown, recorded, _fingerprint_of(folder, stamp(folder)))
    if why is not None:
        raise Refused(f"{why}. {FIX}")


@lru_cache(maxsize=1)
def _fingerprint_of(folder: Path, _: tuple[tuple[str, int, int], ...]) -> BaseFingerprint:
    """Read again only if a file has another size or time than in the previous task of this process."""
    return fingerprint_in(folder)
