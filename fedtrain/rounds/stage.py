"""What the stages share: turning attempts into actions, and ending a run in a failure that says why."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from fedtrain.contracts import names
from fedtrain.contracts.records import Absent
from fedtrain.contracts.run_end import Failure
from fedtrain.contracts.tasks import Task
from fedtrain.rounds import unreachable
from fedtrain.rounds.attempts import LONGEST_REASON, Again, GivenUp, Go, Wait, attempt
from fedtrain.rounds.decision import Action, AggregateOrder, Claim, Decision, Phase, Start
from fedtrain.rounds.reason_text import after_name
from fedtrain.rounds.snapshot import Kind, Snapshot, TaskKey
from fedtrain.rounds.time_left import hub_time_left


@dataclass
class Work:
    """Collects, over several pieces of work, what to do now. `given_up`: who won't deliver in this epoch, and why;
    `out_of_budget`: those of them that lack privacy budget. `untasked`: who has no task, because its namespace takes
    none. `refused`: the ledger's refusals that tasks wait for. `running`: participants whose tasks run."""

    snapshot: Snapshot
    now: float
    actions: list[Action] = field(default_factory=list[Action])
    keep: set[TaskKey] = field(default_factory=set[TaskKey])
    given_up: dict[str, str] = field(default_factory=dict[str, str])
    out_of_budget: set[str] = field(default_factory=set[str])
    untasked: dict[str, Absent] = field(default_factory=dict[str, Absent])
    waits: list[float] = field(default_factory=list[float])
    refused: dict[str, str] = field(default_factory=dict[str, str])
    running: set[str] = field(default_factory=set[str])

    def pursue(
        self,
        kind: Kind,
        who: str,
        order: Callable[[TaskKey], Task | AggregateOrder],
        spent: dict[int, str] | None = None,
        barred: Callable[[], str] = lambda: "",
    ) -> None:
        """Move one piece of work on by one step. `barred` returns why the privacy budget allows no further attempt;
        empty if it does."""
        match attempt(self.snapshot, self.now, kind, who, spent):
            case Go(running=False) if who in self.snapshot.refusing.keys() - self.snapshot.unlisted:
                self.untasked[who] = unreachable.refusal(self.snapshot, who)
            case Go(key, running):
                self.keep.add(key)
                self.running.add(who)
                if not running:
                    self.actions.append(Start(key, order(key)))
            case Again() | Wait() if reason := barred():
                self.given_up[who] = reason
                self.out_of_budget.add(who)
            case Again(claim):
                self.actions.append(claim)
            case Wait(seconds, refusal):
                self.waits.append(seconds)
                if refusal:
                    self.refused[who] = refusal
            case GivenUp(reason):
                self.given_up[who] = reason

    def hub_job(self, kind: Kind, who: str, order: Callable[[TaskKey], Task | AggregateOrder]) -> str | None:
        """Moves one of the hub's own jobs on by one step. Says why, when it won't be done in this epoch."""
        self.pursue(kind, who, order)
        if who in self.given_up:
            return self.given_up[who]
        left = hub_time_left(self.snapshot)
        if left <= 0:
            deadline = self.snapshot.spec.rounds.deadline
            return f"the round has taken twice its deadline of {deadline}. Raise `rounds.deadline` if it needs longer"
        self.waits.append(left)
        return None

    def decision(self, phase: Phase, message: str = "", until: Iterable[float] = ()) -> Decision:
        waits = [*self.waits, *until]
        refused = f"waiting for the ledger: {because(self.refused)}" if self.refused else ""
        return Decision(
            phase=phase,
            message="; ".join(filter(None, (message, refused, unreachable.report(self.snapshot, self.running)))),
            round=self.snapshot.ledger.current.round,
            actions=tuple(self.actions),
            keep=frozenset(self.keep),
            wake_after=min(waits, default=None),
        )


def fail(snapshot: Snapshot, reason: str, message: str) -> Decision:
    """Record the failure; the next decision reads it and stops. Apply the file again to resume the run."""
    number = max((failure.number for failure in snapshot.ledger.failures), default=0) + 1
    while names.failure(number) in snapshot.ledger.strays:  # a stray has the name
        number += 1
    round = snapshot.ledger.current.round
    failure = Failure(
        run_id=snapshot.ledger.run.run_id, number=number, round=round, reason=reason, message=message[:LONGEST_REASON]
    )
    return Decision("Failed", failure.message, round, (Claim(names.failure(number), failure),))


def because(reasons: Mapping[str, str]) -> str:
    """`a: why; b: why`."""
    return "; ".join(f"{who}: {after_name(who, reason)}" for who, reason in sorted(reasons.items()))


def reasons_of(absent: Iterable[Absent]) -> dict[str, str]:
    return {one.participant: one.reason for one in absent}
