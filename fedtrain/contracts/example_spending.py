"""What participants spend where they draw the noise: with `privacy.unit: Example`, and towards the hub with
`noise.location: Client`. Coordinators, summaries and `ledger verify` share it."""

from collections import Counter
from collections.abc import Iterable

from fedtrain.contracts.privacy_blocks import ParticipantReleases
from fedtrain.contracts.records import Grant, Plan, PlanMember
from fedtrain.privacy.noise_shares import share_multiplier


def spent_after(
    before: Iterable[ParticipantReleases], plan: Plan | None, grants: Iterable[Grant]
) -> tuple[ParticipantReleases, ...]:
    """Return the releases of all rounds up to and including the one of `plan`: steps, or updates with a share of the
    noise. Each attempt that was issued counts, whether or not an update arrived: it may have left the participant."""
    steps: Counter[tuple[str, float, float]] = Counter()
    for past in before:
        steps[past.participant, past.probability, past.multiplier] += past.steps
    granted = Counter(grant.who for grant in grants)
    for member in plan.members if plan else ():
        if (drawn := _drawn_by(plan, member)) is not None:
            noise, count = drawn
            steps[member.participant, *noise] += (1 + granted[member.participant]) * count
    return tuple(
        ParticipantReleases(participant=who, probability=probability, multiplier=multiplier, steps=count)
        for (who, probability, multiplier), count in sorted(steps.items())
    )


def _drawn_by(plan: Plan | None, member: PlanMember) -> tuple[tuple[float, float], int] | None:
    """Return sampling probability and multiplier of what an attempt releases, and how many; None if the hub adds the
    noise."""
    if (noise := member.example_noise) is not None:
        return (noise.probability, noise.multiplier), noise.steps
    shared = plan.privacy if plan else None
    if shared is None or shared.noise_shares is None:
        return None
    return (1.0, share_multiplier(shared.multiplier, shared.noise_shares)), 1
