"""When the signed requests of tasks were written, and when they are due again. Pure."""

from dataclasses import dataclass, field

from fedtrain.contracts.wire.signed_request_lifetime import LIFETIME_SECONDS

RENEWAL_SECONDS = LIFETIME_SECONDS / 2
PENDING_SECONDS = 60.0

Place = tuple[str, str]
"""Namespace and participant."""


@dataclass
class Signatures:
    """The entries of one training's tasks, by uid. Lost with the process, which reads the Secrets again.

    `written`: when, on the coordinator's steady clock, and where. `deleted`: those of ended tasks."""

    written: dict[str, tuple[float, Place]] = field(default_factory=dict[str, tuple[float, Place]])
    deleted: set[str] = field(default_factory=set[str])

    def due(self, uid: str, pending: bool, now: float) -> bool:
        """`pending`: its pods do not run yet. Somebody may have deleted the entry, so it is written more often."""
        renewal = PENDING_SECONDS if pending else RENEWAL_SECONDS
        return uid not in self.written or now - self.written[uid][0] >= renewal

    def wake_after(self, now: float) -> float | None:
        """Seconds until the next renewal; None if no task runs."""
        return min((max(when + RENEWAL_SECONDS - now, 0.0) for when, _ in self.written.values()), default=None)
