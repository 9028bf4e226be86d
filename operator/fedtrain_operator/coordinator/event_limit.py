"""A limit of events about the conditions of one training: participants choose their words and how often these change,
and must not fill the hub's API server with events. The limit is that of Kubernetes' own event recorders."""

from collections.abc import Callable
from dataclasses import dataclass, field

BURST = 25
"""Events of one condition that may follow each other at once."""
REFILL_SECONDS = 300.0
"""Interval after which one more may follow."""


@dataclass
class _Budget:
    left: float
    since: float


@dataclass
class EventLimit:
    """`steady`: seconds of a clock that is never set."""

    steady: Callable[[], float]
    _budgets: dict[str, _Budget] = field(default_factory=dict[str, _Budget])

    def allows(self, condition: str) -> bool:
        """Count an event of a condition, and return whether it may be written."""
        now = self.steady()
        budget = self._budgets.setdefault(condition, _Budget(BURST, now))
        budget.left = min(BURST, budget.left + (now - budget.since) / REFILL_SECONDS)
        budget.since = now
        if budget.left < 1:
            return False
        budget.left -= 1
        return True
