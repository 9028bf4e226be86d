"""Whether the share of noise that a task asks for is what the hub promises. Pure.

The hub makes the share from the promise (`privacy_parameters`, `orders`); the participant computes the least share
with the same functions. A task with less would leave its update hardly protected, whatever the promise says.
"""

from fedtrain.contracts.tasks import NoiseShare, PrivacyPromise, Task, Train
from fedtrain.plurals import several
from fedtrain.privacy.adaptive_clipping import noise_on_updates
from fedtrain.privacy.clipping import check_bound
from fedtrain.privacy.noise_shares import share_multiplier

_ROUNDING = 1e-9
"""Relative difference of two computations of the same share, at most."""


def share_flaw(task: Task) -> str | None:
    """Return why the task's share of noise does not protect the update as promised; None if it does, and for tasks
    that ask for no share. A share from a testing seed protects nothing, so nothing may be promised with it."""
    work, promise = task.work, task.privacy
    if not isinstance(work, Train) or work.noise is None:
        return None
    if work.clipping is None:
        return "it asks for a share of noise on an update that is not clipped"
    if work.clipping.reports_within and work.noise.indicator_noise is None:
        return "it asks whether clipping changed the update, without noise on the answer"
    if work.noise.testing_seed is not None:
        return None if promise is None else "it promises privacy, but draws its share of noise from a testing seed"
    if promise is None or promise.unit != "Participant":
        return "it asks for a share of noise, but promises no noise multiplier with unit: Participant"
    if task.min_participants is None or work.noise.updates > task.min_participants:
        least = "does not say how many" if task.min_participants is None else f"may have only {task.min_participants}"
        return f"it divides the noise among {several(work.noise.updates, 'update')}, but a round {least}"
    try:
        check_bound(work.clipping.bound)
        return _too_small(work.noise, promise, task.min_participants)
    except ValueError as error:
        return f"its share of noise is not valid: {error}"


def _too_small(noise: NoiseShare, promise: PrivacyPromise, updates: int) -> str | None:
    """Raises ValueError."""
    given = share_multiplier(noise.multiplier, noise.updates)
    least = share_multiplier(noise_on_updates(promise.multiplier, noise.indicator_noise), updates)
    if given >= least * (1 - _ROUNDING):
        return None
    return (
        f"its share of noise has the multiplier {given:.4g}, but the promised {promise.multiplier:.4g} with "
        f"{several(updates, 'update')} or more needs {least:.4g}"
    )
