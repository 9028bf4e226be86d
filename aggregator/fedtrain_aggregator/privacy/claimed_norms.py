"""The norms that updates claim to have, so that the hub can clip them in the pass that measures them.

A record says what it likes. So nothing of the sum is used, and no noise is drawn, before the pass has shown that all
claims are true.
"""

from collections.abc import Sequence
from math import isfinite

from fedtrain.contracts.privacy_blocks import RoundPrivacy
from fedtrain.privacy.clipping import stated_norm, states
from fedtrain_aggregator.engine.update import Measurement, OpenUpdate


def without_norm(privacy: RoundPrivacy, updates: Sequence[OpenUpdate]) -> list[OpenUpdate]:
    """Return the updates to measure before they are clipped, because their records state no norm: those of an older
    participant, and files that an earlier execution of the task has sent."""
    if privacy.clipping_location is not None:
        return []
    return [update for update in updates if update.record.norm is None]


def claimed_norms(privacy: RoundPrivacy, updates: Sequence[OpenUpdate], measured: Sequence[Measurement]) -> list[float]:
    """Return the L2 norm that each update has at most if all is right: the clipping norm where the participants clip,
    else the norm that its record states. `measured`: at least the updates `without_norm`."""
    if privacy.clipping_location is not None:
        return [privacy.bound for _ in updates]
    found = {one.update.closed.participant: one.norm for one in measured}
    return [
        _stated(found[update.closed.participant]) if (norm := update.record.norm) is None else norm
        for update in updates
    ]


def measured_otherwise(privacy: RoundPrivacy, norms: Sequence[float], measured: Sequence[Measurement]) -> bool:
    """Return whether the updates, which have no flaw, were clipped by other norms than theirs: the file of one without
    a stated norm had other bytes when it was measured."""
    if privacy.clipping_location is not None:
        return False
    return not all(states(norm, found.norm) for norm, found in zip(norms, measured, strict=True))


def _stated(norm: float) -> float:
    """0 if the norm is not finite: the next pass finds the bad value of this update."""
    return stated_norm(norm) if isfinite(norm) else 0.0
