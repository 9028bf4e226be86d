"""State and records of each participant in a round."""

from collections.abc import Collection, Mapping, Sequence

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts.records import Aggregate, Close, Grant, Manifest, Plan, Quarantined
from fedtrain.contracts.untrusted_records import Update
from fedtrain.results.run_summary import Execution, ParticipantRound, State

_LISTED: Mapping[str, State] = {"Committed": "Aggregated", "RolledBack": "RolledBack"}
"""State of a participant whose update the round's close lists, by the round's outcome."""


def participant_rounds(
    spec: FederatedTrainingSpec,
    plan: Plan | None,
    closes: Sequence[Close],
    bad: Collection[tuple[str, int]],
    aggregate: Aggregate | None,
    updates: Mapping[tuple[str, int], Update],
    grants: Sequence[Grant],
    manifest: Manifest | None,
    executions: Mapping[tuple[str, int], Execution],
) -> tuple[ParticipantRound, ...]:
    """Return one entry per participant, in plan order. `closes`: by number, those that count, up to the one that
    was aggregated. `bad`: attempts whose updates any close quarantined."""
    if plan is None:
        return ()
    close = closes[-1] if closes else None
    # A participant whose later attempt was accepted is no longer quarantined.
    listed = {closed.participant: closed.attempt for closed in close.updates} if close else {}
    quarantined = {one.participant: one for earlier in closes for one in earlier.quarantined}
    absent = {one.participant: one.reason for one in (manifest.absent if manifest else ())}
    absent |= {one.participant: one.reason for one in (close.absent if close else ())}
    weights = {weight.participant: weight for weight in aggregate.weights} if aggregate else {}
    trained = spec.trained({member.participant: member.samples for member in plan.members})
    found: list[ParticipantRound] = []
    for member in plan.members:
        who = member.participant
        own = sorted(attempt for name, attempt in updates if name == who)
        granted = [grant for grant in grants if grant.who == who]
        valid = [attempt for attempt in own if (who, attempt) not in bad]
        state, attempt, reason = _state(who, listed, quarantined, absent, valid, manifest)
        newest = max([1, attempt, *own, *(grant.attempt for grant in granted)])
        update = updates.get((who, attempt))
        weight = weights.get(who) if state == "Aggregated" else None
        found.append(
            ParticipantRound(
                participant=who,
                state=state,
                reason=reason,
                attempt=attempt,
                attempts=newest,
                retried=tuple(f"attempt {grant.attempt - 1}: {grant.reason}" for grant in granted),
                weight=weight.weight if weight else None,
                norm=weight.norm if weight else None,
                execution=executions.get((who, attempt)),
                samples=update.samples if update else member.samples,
                distinct=update.distinct if update else member.distinct,
                trained=None if state == "Absent" and update is None else trained[who],
                steps=update.steps if update else None,
                tokens=update.tokens if update else None,
                train_loss=update.train_loss if update else None,
                validation_loss=update.validation_loss if update else None,
                received=update.received if update else {},
                bytes=update.size if update else None,
            )
        )
    return tuple(found)


def _state(
    who: str,
    listed: Mapping[str, int],
    quarantined: Mapping[str, Quarantined],
    absent: Mapping[str, str],
    valid: Sequence[int],
    manifest: Manifest | None,
) -> tuple[State, int, str]:
    """Return the state, its attempt and the reason. `valid`: attempts whose updates have arrived and were not
    quarantined."""
    if who in listed:
        return _LISTED.get(manifest.outcome if manifest else "Open", "Updated"), listed[who], ""
    if who in quarantined:
        return "Quarantined", quarantined[who].attempt, quarantined[who].reason
    if who in absent:
        return "Absent", valid[0] if valid else 1, absent[who]
    if valid:
        return "Updated", valid[0], ""
    return ("Absent", 1, "sent no update") if manifest else ("Training", 1, "")
