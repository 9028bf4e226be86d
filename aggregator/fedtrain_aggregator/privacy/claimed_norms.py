"""The norms that updates claim to have, so that the hub can clip them in the pass that measures them.

A record says what it likes. So nothing of the sum is used, and no noise is drawn, before the pass has shown that all
claims are true.
"""

from collections.abc import Callable, Sequence
from math import isfinite

from fedtrain.contracts.privacy_blocks import RoundPrivacy
from fedtrain.privacy.clipping import stated_norm
from fedtrain_aggregator.engine.update import Measurement, OpenUpdate


def claimed_norms(
    privacy: RoundPrivacy,
    updates: Sequence[OpenUpdate],
    measured: Callable[[Sequence[OpenUpdate]], Sequence[Measurement]],
) -> list[float]:
    """Return the L2 norm that each update has at most if all is right: the clipping norm where the participants clip,
    else the norm that its record states. `measured` reads the updates whose records state none: those of an older
    participant, and files that an earlier execution of the task has sent."""
    if privacy.clipping_location is not None:
        return [privacy.bound for _ in updates]
    found = iter(measured([update for update in updates if update.record.norm is None]))
    return [_stated(next(found).norm) if (norm := update.record.norm) is None else norm for update in updates]


def _stated(norm: float) -> float:
    """Of an update without a norm 0: the next pass finds its bad value."""
    return stated_norm(norm) if isfinite(norm) else 0.0
