"""Refuse a federation in which too few participants can take part in one private round."""

from collections.abc import Mapping
from dataclasses import dataclass

from fedtrain.api.reading import Federation, FieldError
from fedtrain.manifests.privacy_ledger import Entry, released
from fedtrain.rounds.affordability import OwnersLimit, barred_from_the_start, shortage


@dataclass(frozen=True)
class Affordability:
    """`errors`: too few participants can take part. `warnings`: some cannot, and enough remain. `barred`: all that
    cannot, those without a warning included."""

    errors: tuple[FieldError, ...] = ()
    warnings: tuple[str, ...] = ()
    barred: frozenset[str] = frozenset()


def affordability(
    federation: Federation, rows: Mapping[str, int] | None, spent: Mapping[str, Mapping[str, Entry]]
) -> Affordability:
    """Return who can take part with `privacy.unit: Example`. `rows`: training rows by participant, if they are known;
    `spent`: entries of other trainings in the ledgers of privacy, by participant and key."""
    spec = federation.training.spec
    if spec.example_privacy is None or rows is None:
        return Affordability()
    limits = {
        who: OwnersLimit(terms.max_epsilon, terms.delta, released(spent.get(who, {}), spec.data.names, "Example"))
        for who, policy in federation.policies.items()
        if (terms := policy.spec.privacy).max_epsilon is not None
    }
    barred = barred_from_the_start(spec, rows, limits)
    minimums = (one.spec.minimums.participants_per_round or 1 for one in federation.policies.values())
    required = max(minimums, default=1)
    if (found := shortage(spec, barred, required)) is not None:
        return Affordability((federation.error_at(("spec", "privacy", *found.field), found.message, found.fix),))
    said = barred_from_the_start(spec, rows)  # the forecast has these
    return Affordability(
        warnings=tuple(f"{who} cannot take part: {one.sentences}" for who, one in barred.items() if who not in said),
        barred=frozenset(barred),
    )
