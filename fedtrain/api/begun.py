"""When a run has begun: as soon as round 0 is recorded, so that round 1 or a later one is worked on.

Before that nothing was trained, and every field of the spec may change; afterwards only those may that do not affect
the result. `fedtrain run`, the rule in the FederatedTraining CRD and the coordinator share this definition.
"""

FIRST_ROUND = 1
"""Round 0 only counts the data and creates the initial adapter."""


def begun(round: int) -> bool:
    """Whether a run whose current round is `round` (`status.round` on a cluster) has begun."""
    return round >= FIRST_ROUND
