"""When the signed requests of tasks were written, and when they are due again. Pure."""

from dataclasses import dataclass, field

from fedtrain.contracts.wire.signed_request_lifetime import LIFETIME_SECONDS

RENEWAL_SECONDS = LIFETIME_SECONDS / 2
PENDING_SECONDS = 60.0
"""Until it is read whether the entry of a task whose pods do not run yet still exists: somebody may have deleted it."""

Place = tuple[str, str]
"""Namespace and participant."""


@dataclass(frozen=True)
class Written:
    """`when`: on the coordinator's steady clock. `readers`: `readers_in` the entry."""

    when: float
    place: Place
    readers: str

    def outdated(self, readers: str) -> bool:
        """Whether the task reads copies that are not those of the present participants."""
        return self.readers not in ("", readers)


@dataclass
class Signatures:
    """The entries of one training's tasks, by uid. Lost with the process, which reads the Secrets again.

    `deleted`: those of ended tasks."""

    written: dict[str, Written] = field(default_factory=dict[str, Written])
    deleted: set[str] = field(default_factory=set[str])

    def due(self, uid: str, now: float, readers: str) -> bool:
        known = self.written.get(uid)
        return known is None or known.outdated(readers) or now - known.when >= RENEWAL_SECONDS

    def wake_after(self, now: float) -> float | None:
        """Seconds until the next renewal; None if no task runs. One that is overdue was refused: it is tried again when
        its refusal is."""
        pauses = (one.when + RENEWAL_SECONDS - now for one in self.written.values())
        return min((pause for pause in pauses if pause > 0), default=None)
