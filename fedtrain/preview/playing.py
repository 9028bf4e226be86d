"""Plays the partitioning of a run, round by round, as if all participants took part in each."""

from collections.abc import Mapping

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts.records import ModelFacts
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.partitioning import Positions, Share, distinct_rows, partition, situation
from fedtrain.preview.run_preview import Part, RoundPreview


def play(
    spec: FederatedTrainingSpec, preflights: Mapping[str, Preflight], facts: ModelFacts | None
) -> tuple[tuple[RoundPreview, ...], Positions]:
    """Return all rounds, and the position of each stream after them."""
    positions = Positions()
    rounds: list[RoundPreview] = []
    for number in range(1, spec.rounds.count + 1):
        now = situation(spec, preflights=preflights, positions=positions, facts=facts)
        shares = partition(spec.partitioning, now)
        different = {
            share.participant: distinct_rows(share, preflights[share.participant].samples, spec.training.seed)
            for share in shares
        }
        weights = _weights(spec, different)
        parts = (
            _part(spec, preflights, share, different[share.participant], weights.get(share.participant))
            for share in shares
        )
        rounds.append(RoundPreview(round=number, parts=tuple(parts)))
        positions = positions.after(shares)
    return tuple(rounds), positions


def _part(
    spec: FederatedTrainingSpec,
    preflights: Mapping[str, Preflight],
    share: Share,
    different: int,
    weight: float | None,
) -> Part:
    trains = share.samples > 0
    windows = [(one.start, one.end, one.population) for one in share.datasets if one.samples]
    windows = windows or [(share.start, share.end, preflights[share.participant].samples)]
    passes = [(start // population + 1, (end - 1) // population + 1) for start, end, population in windows]
    training = spec.participant(share.participant).training.over(spec.training)
    trained = training.trained(share.samples) if trains else 0
    return Part(
        participant=share.participant,
        samples=share.samples,
        distinct=different,
        first_pass=min(first for first, _ in passes) if trains else None,
        last_pass=max(last for _, last in passes) if trains else None,
        steps=-(-trained // training.batch_size),
        trained=trained,
        weight=weight if trains else 0.0,
        reason=share.reason,
    )


def _weights(spec: FederatedTrainingSpec, different: Mapping[str, int]) -> dict[str, float]:
    """Return the weight of each participant in the mean; empty if weights are known only during a run."""
    trains = {name: count for name, count in different.items() if count > 0}
    if spec.aggregation.weights == "ValidationLoss":
        return {}
    if spec.aggregation.weights == "Uniform":
        raw = dict.fromkeys(trains, 1.0)
    elif spec.aggregation.weights == "Fixed":
        raw = {name: spec.participant(name).weight or 0.0 for name in trains}
    else:
        raw = {name: float(count) for name, count in trains.items()}
    whole = sum(raw.values()) or 1.0
    return {name: weight / whole for name, weight in raw.items()}
