"""How a task ends: done, worth another try, or refused."""

from dataclasses import dataclass, field
from typing import Protocol

from fedtrain.contracts.audit import SentObject
from fedtrain.contracts.exit_codes import EXIT_DONE


class Refused(Exception):
    """Trying again won't help. The message names what is wrong, where, and the fix."""


class Retry(Exception):
    """The task may succeed when tried again."""


class Spooled(Exception):
    """The update is trained and in the spool, but the store does not take it now."""


class Interrupted(BaseException):
    """SIGTERM or SIGINT; no handler of ordinary errors may swallow it."""


@dataclass(frozen=True)
class Outcome:
    """`code`: EXIT_DONE, EXIT_RETRY or EXIT_REFUSED of `fedtrain.contracts.tasks`. `seconds` by phase; `training` is
    the time inside optimizer steps alone. `sent`: what was written to the ledger."""

    code: int = EXIT_DONE
    reason: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    sent: tuple[SentObject, ...] = ()


class Progress(Protocol):
    """Told how far a phase is: measuring, training, evaluating and others. A phase begins with 0 of 0 steps."""

    def __call__(self, phase: str, step: int, steps: int, loss: float | None = None) -> None: ...


def silent(phase: str, step: int, steps: int, loss: float | None = None) -> None:
    """Ignore progress."""
