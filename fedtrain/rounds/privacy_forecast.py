"""Forecast of a private run: what it costs, and how large the noise is beside the updates."""

from collections.abc import Collection, Mapping
from math import ceil

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.privacy import Privacy
from fedtrain.api.privacy_parameters import Parameters, enough_noise, parameters
from fedtrain.api.privacy_terms import not_in_epsilon
from fedtrain.contracts.privacy_blocks import ExampleNoise
from fedtrain.contracts.records import ModelFacts
from fedtrain.plurals import several
from fedtrain.privacy.accounting import Poisson, Release, affordable_rounds, epsilon
from fedtrain.privacy.noise import signal_to_noise, updates_for_ratio
from fedtrain.rounds.affordability import barred_from_the_start
from fedtrain.rounds.batch_advice import batch_advice
from fedtrain.rounds.example_privacy import example_noise
from fedtrain.rounds.large_delta import large_delta
from fedtrain.rounds.spent_epsilon import example_loss, loss_of, trained_values


def noise_exceeds_signal(spec: FederatedTrainingSpec, facts: ModelFacts | None) -> bool | None:
    """Return whether the noise on the mean update is larger than the largest possible mean update; None if the
    adapter's size is not known, and without unit Participant. Raises AccountingError."""
    values, privacy = trained_values(spec, facts), spec.participant_privacy
    if values is None or privacy is None:
        return None
    count = len(spec.participants)
    return signal_to_noise(parameters(spec, privacy).on_sum(count), count, values) < 1


def privacy_forecast(
    spec: FederatedTrainingSpec,
    facts: ModelFacts | None,
    rows: Mapping[str, int] | None = None,
    barred: Collection[str] = (),
) -> tuple[str, ...]:
    """Return the forecast in sentences; none without `spec.privacy`. `facts`: sizes of the model, if known; `rows`:
    training rows by participant, if known; `barred`: participants whose policies allow no round. Raises
    AccountingError."""
    if spec.example_privacy is not None:
        return _of_examples(spec, facts, rows, barred)
    privacy = spec.privacy
    if privacy is None:
        return ()
    found, budget, rounds = parameters(spec, privacy), privacy.budget, spec.rounds.count
    affordable = affordable_rounds(found.release, budget.epsilon, budget.delta, rounds)
    loss = loss_of(spec, {found.release: affordable}, None)
    assert loss is not None
    lines = [
        f"Privacy after {several(affordable, 'round')} with noise multiplier {found.release.multiplier:.4g}: "
        f"{loss.text}.",
        *_terms(spec),
    ]
    if affordable < rounds:
        then = "halts" if budget.on_exhausted == "Halt" else "fails"
        whole = epsilon({found.release: rounds}, budget.delta)
        cost = f" The whole run would spend epsilon {whole:.3g} ({loss.terms_in_short})." if loss.private else ""
        lines.append(
            f"The budget allows {affordable} of {several(rounds, 'round')}, then the run {then}.{cost} "
            f"{_noise_for_all(spec, privacy)}"
        )
    values = trained_values(spec, facts)
    if values is None:
        lines.append("The size of the noise beside the updates depends on the adapter, which is not known here.")
        return tuple(lines)
    return (*lines, *_noise(spec, found, values))


def _noise_for_all(spec: FederatedTrainingSpec, privacy: Privacy) -> str:
    """Return the fix of a budget that does not allow all rounds."""
    enough = enough_noise(spec, privacy)
    if enough is None:
        return "Raise `noise.multiplier`, or set `noise: {type: Budget}`."
    return f"Set `noise.multiplier: {enough:g}`, enough for all rounds, or `noise: {{type: Budget}}`, which finds it."


def _of_examples(
    spec: FederatedTrainingSpec, facts: ModelFacts | None, rows: Mapping[str, int] | None, barred: Collection[str]
) -> tuple[str, ...]:
    """The forecast with unit Example: each participant's epsilon depends on the number of its rows."""
    assert spec.privacy is not None
    if rows is None:
        return (
            "Privacy: the epsilon of each participant depends on the number of its training rows, which is not known "
            "here. `fedtrain plan` counts them.",
        )
    budget, rounds = spec.privacy.budget, spec.rounds.count
    spent: dict[str, dict[Release, int]] = {}
    unable = barred_from_the_start(spec, rows)
    lines = [f"Warning: {who} cannot take part: {one.sentences}" for who, one in unable.items()]
    noises: dict[str, ExampleNoise] = {}
    for who, count in rows.items():
        if who in unable or who in barred:
            continue
        noise = example_noise(spec, who, count)
        release = Release(noise.multiplier, Poisson(noise.probability))
        affordable = affordable_rounds(release, budget.epsilon, budget.delta, rounds, steps=noise.steps)
        noises[who] = noise
        spent[who] = {release: affordable * noise.steps}
        lines.append(
            f"{who}: noise multiplier {noise.multiplier:.3g}, {several(noise.steps, 'step')} a round with "
            f"{noise.batch} of {several(count, 'row')} on average; the noise on each value of a step's gradient is "
            f"{noise.multiplier / noise.batch:.2g} of the clipping norm."
        )
        if affordable < rounds:
            lines.append(
                f"The budget of {who} allows {affordable} of {several(rounds, 'round')}; it sits out the rest."
            )
    loss, values = example_loss(spec, spent), trained_values(spec, facts)
    if noises and values is not None:
        lines.append(_noise_of_a_step(spec, {who: rows[who] for who in noises}, noises, values))
    return (f"Privacy after the rounds that the budgets allow: {loss.text}.", *_terms(spec, rows), *lines)


def _terms(spec: FederatedTrainingSpec, rows: Mapping[str, int] | None = None) -> list[str]:
    """What limits the meaning of epsilon."""
    return [said for said in (large_delta(spec, rows), not_in_epsilon(spec)) if said is not None]


def _noise_of_a_step(
    spec: FederatedTrainingSpec, rows: Mapping[str, int], noises: Mapping[str, ExampleNoise], values: int
) -> str:
    """Compare the largest noise on a step's gradient with the largest possible gradient; name what helps if it is
    larger. The noise of several steps is independent and averages out, so a run may learn with larger noise than
    signal."""
    worst = max(noises, key=lambda who: noises[who].multiplier / noises[who].batch)
    noise = noises[worst]
    ratio = signal_to_noise(noise.multiplier, noise.batch, values)
    sizes = f"{several(noise.batch, 'row')} a step, about {values:,} trained values"
    if ratio >= 1:
        return f"The mean gradient of a step may be {ratio:.3g} times as large as the noise on it ({sizes})."
    helps = [batch_advice(spec, rows, worst, noise, values), *_smaller_adapter(spec)]
    return (
        f"Warning: the noise on a step's mean gradient is up to {1 / ratio:.3g} times as large as the largest possible "
        f"gradient ({sizes}). It averages out over many steps only. What helps: {'; '.join(helps)}; more rows."
    )


def _smaller_adapter(spec: FederatedTrainingSpec) -> list[str]:
    """How fewer trained values divide the noise."""
    helps: list[str] = []
    if spec.aggregation.merge != "FreezeA":
        helps.append("aggregation.merge: FreezeA divides the noise by about 1.4")
    if spec.model.adapter.rank > 1:
        helps.append("half of adapter.rank divides it by 1.4")
    return helps


def _noise(spec: FederatedTrainingSpec, found: Parameters, values: int) -> list[str]:
    """Compare the noise with the largest possible mean update; name what helps if it is larger. With unit Example, the
    noise is divided by the rows of a step instead of the updates of a round."""
    count = len(spec.participants)
    ratio = signal_to_noise(found.on_sum(count), count, values)
    sizes = f"{several(count, 'participant')}, about {values:,} trained values"
    if ratio >= 1:
        return [f"The mean update may be {ratio:.3g} times as large as the noise on it ({sizes})."]
    enough = ceil(updates_for_ratio(1.0, found.update_multiplier, values))
    helps = [
        f"with about {several(enough, 'participant')}, the noise is only as large as the update",
        *_smaller_adapter(spec),
    ]
    helps.append("a quarter of rounds.count divides it by 2 at the same budget")
    if (rows := spec.training.batch_size) > count:
        helps.append(
            f"privacy.unit: Example, which protects rows instead of participants, divides it by {rows / count:.3g} in "
            f"a step of {several(rows, 'row')} with the same noise multiplier"
        )
    return [
        f"Warning: the noise on the mean update is {1 / ratio:.3g} times as large as the largest possible mean update "
        f"({sizes}), so the run will hardly learn. What helps: {'; '.join(helps)}."
    ]
