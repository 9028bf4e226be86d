"""Fails before any worker starts if the base model is on Hugging Face, which this machine cannot reach."""

from collections.abc import Callable

from fedtrain.api.places import base_kind
from fedtrain.api.reading.federation import Federation
from fedtrain.data.hub_cache import cached_folder, fetch_elsewhere, why_unreachable
from fedtrain.runner.errors import RunError


def check_base_access(federation: Federation, unreachable: Callable[[], str | None] = why_unreachable) -> None:
    """Raises RunError with the command that fetches the model elsewhere."""
    model = federation.training.spec.model
    if base_kind(model.base, federation.path.parent) != "Hub" or cached_folder(model.base, model.revision) is not None:
        return
    try:
        reason = unreachable()
    except ImportError:  # the trainer reports missing packages
        return
    if reason is not None:
        raise RunError(
            f"spec.model.base: {model.base} is not in the Hugging Face cache of this machine, and {reason}. "
            f"{fetch_elsewhere(model.base, model.revision)}"
        )
