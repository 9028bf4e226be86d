"""What participants spend with `privacy.unit: Example`. Coordinators, summaries and `ledger verify` share it."""

from collections import Counter
from collections.abc import Iterable

from fedtrain.contracts.privacy_blocks import ParticipantReleases
from fedtrain.contracts.records import Grant, Plan


def spent_after(
    before: Iterable[ParticipantReleases], plan: Plan | None, grants: Iterable[Grant]
) -> tuple[ParticipantReleases, ...]:
    """Return the steps of all rounds up to and including the one of `plan`. Each attempt that was issued counts,
    whether or not an update arrived: it may have left the participant."""
    steps: Counter[tuple[str, float, float]] = Counter()
    for past in before:
        steps[past.participant, past.probability, past.multiplier] += past.steps
    granted = Counter(grant.who for grant in grants)
    for member in plan.members if plan else ():
        if (noise := member.example_noise) is not None:
            attempts = 1 + granted[member.participant]
            steps[member.participant, noise.probability, noise.multiplier] += attempts * noise.steps
    return tuple(
        ParticipantReleases(participant=who, probability=probability, multiplier=multiplier, steps=count)
        for (who, probability, multiplier), count in sorted(steps.items())
    )
