"""Whether enough participants can take part in one round with `privacy.unit: Example`. Pure: `fedtrain validate`,
`fedtrain plan` and the training's condition on a cluster ask the same.

With unit Participant, all participants have the same budget, and the rules on `spec.privacy` refuse one that allows no
round."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts.privacy_blocks import ExampleNoise
from fedtrain.plurals import several
from fedtrain.privacy.accounting import (
    AccountingError,
    DeltaTooLarge,
    Poisson,
    Release,
    after,
    bounded_epsilon,
    small_delta,
)
from fedtrain.privacy.terms import terms_of_unit
from fedtrain.rounds.barred_participants import Barred, fixes_of_all, reasons_of_all
from fedtrain.rounds.example_privacy import TooLittleNoise, barred_by, enough_noise, example_noise


@dataclass(frozen=True)
class OwnersLimit:
    """`privacy.maxEpsilon` and `privacy.delta` of a participant's policy. `spent`: releases of other trainings on its
    data set."""

    epsilon: float
    delta: float
    spent: Mapping[Release, int] = field(default_factory=dict[Release, int])


@dataclass(frozen=True)
class Shortage:
    """Fewer participants than `rounds.minParticipants` can take part in a round. `message` and `fix` are sentences;
    `field`: of `spec.privacy`, the one to change."""

    message: str
    fix: str
    field: tuple[str, ...] = ("budget",)


def barred_from_the_start(
    spec: FederatedTrainingSpec, rows: Mapping[str, int], limits: Mapping[str, OwnersLimit] | None = None
) -> dict[str, Barred]:
    """Return the participants that cannot take part in any round. `rows`: number of training rows; `limits`: of the
    owners, as far as they are known."""
    found: dict[str, Barred] = {}
    noisier: set[str] = set()
    for who, count in rows.items():
        if count == 0:
            found[who] = Barred("it has no training rows", "Add rows")
            continue
        try:
            refused = _beyond_limit(example_noise(spec, who, count), (limits or {}).get(who), _levers(spec))
        except DeltaTooLarge:
            refused = _delta_too_large(spec, rows)
        except AccountingError as error:
            refused = barred_by(error)._replace(field=_field(spec, count))
            noisier |= {who} if isinstance(error, TooLittleNoise) else set()
        if refused is not None:
            found[who] = refused
    if noisier and (fix := _more_noise(spec, noisier, rows)) is not None:
        found |= {who: found[who]._replace(fix=fix) for who in noisier}
    return found


def _field(spec: FederatedTrainingSpec, rows: int) -> tuple[str, ...]:
    given = spec.privacy is not None and spec.privacy.noise.multiplier is not None
    return ("noise", "multiplier") if given and rows > 1 else ("budget",)


def _delta_too_large(spec: FederatedTrainingSpec, rows: Mapping[str, int]) -> Barred:
    """One delta is for all participants, so the one with the most rows decides."""
    assert spec.privacy is not None
    who, most = max(rows.items(), key=lambda one: one[1])
    return Barred(
        f"budget.delta is {spec.privacy.budget.delta:g}, but must be less than 1 / number of training rows",
        f"Set `budget.delta: {small_delta(most):g}`, which is small enough for all participants, also {who} "
        f"({several(most, 'training row')})",
        ("budget", "delta"),
    )


def _more_noise(spec: FederatedTrainingSpec, who: Collection[str], rows: Mapping[str, int]) -> str | None:
    """Return the fix for participants that one round costs more than the budget: the noise that the one with the fewest
    rows needs, whose rows are drawn most often. The search takes seconds, so it is done for one participant."""
    fewest = min(sorted(who), key=lambda one: rows[one])
    enough = enough_noise(spec, fewest, rows[fewest])
    if enough is None:
        return None
    whose = f" and all participants, also {fewest}, which has the fewest rows" if len(who) > 1 else ""
    return (
        f"Set `noise.multiplier: {enough:g}`, which suffices for {several(spec.rounds.count, 'round')}{whose}. Or "
        "lower `training.length`, or raise `budget.epsilon`, which protects less"
    )


def shortage(spec: FederatedTrainingSpec, barred: Mapping[str, Barred], required: int = 1) -> Shortage | None:
    """Return the error if too few participants remain; None if enough do. `barred`: from `barred_from_the_start`.
    `required`: participants that policies require in each round, as far as they are known."""
    able = len(spec.participants) - len(barred)
    if able >= spec.minimum:
        return None
    fields = {one.field for one in barred.values()}
    fewer = f"Or set `rounds.minParticipants: {able}`, to train without the others." if able >= required else ""
    return Shortage(
        f"{able} of {several(len(spec.participants), 'participant')} can take part in a round, but "
        f"rounds.minParticipants is {spec.minimum}. {reasons_of_all(barred)}.",
        " ".join(filter(None, (fixes_of_all(barred.values()), fewer))),
        fields.pop() if len(fields) == 1 else ("budget",),
    )


def _levers(spec: FederatedTrainingSpec) -> str:
    """Return what makes a round cost less. With noise of type Budget, the multiplier follows from the budget."""
    given = spec.privacy is not None and spec.privacy.noise.type == "Multiplier"
    return (
        "Raise `noise.multiplier`, or lower `training.length`"
        if given
        else "Lower `budget.epsilon` or `training.length`"
    )


def _beyond_limit(noise: ExampleNoise, limit: OwnersLimit | None, levers: str) -> Barred | None:
    """Return why the owner refuses one round, and the fix. Raises AccountingError."""
    if limit is None:
        return None
    release = Release(noise.multiplier, Poisson(noise.probability))
    first = bounded_epsilon(after(limit.spent, release, noise.steps), limit.delta)
    if first is not None and first <= limit.epsilon:
        return None
    others = " with other trainings" if limit.spent else ""
    if first is None:
        return Barred(
            f"the noise of {several(noise.steps, 'step')} with noise multiplier {noise.multiplier:.3g}"
            f"{others and f',{others},'} is too small to bound the privacy loss at delta {limit.delta:g} of its policy",
            f"{levers}, or ask the owner to raise `privacy.delta`",
        )
    return Barred(
        f"{several(noise.steps, 'step')} with noise multiplier {noise.multiplier:.3g} spend{'s' * (noise.steps == 1)} "
        f"epsilon {first:.4g}{others}, and its policy's privacy.maxEpsilon is {limit.epsilon:g}",
        f"{levers}, or ask the owner to raise `privacy.maxEpsilon`",
        terms=terms_of_unit("Example", limit.delta).in_short,
    )
