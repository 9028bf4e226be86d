"""Preview of the samples of each participant in each round, computed with `partition`.

Assumes that all participants take part in every round. Values that are known only during a run (free GPU memory,
validation losses) are listed in `notes`.
"""

from collections.abc import Mapping

from fedtrain.api.base import Block, in_bytes
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.partitioning_strategies import DataVolumeAndGPUMemory
from fedtrain.api.reading.federation import Federation
from fedtrain.api.training import Training
from fedtrain.contracts.records import ModelFacts, Preflight
from fedtrain.partitioning import Share, distinct, partition, situation
from fedtrain.partitioning.validation_split import validation_count
from fedtrain.plurals import several
from fedtrain.preview.check import checked
from fedtrain.preview.dry_run import DIGEST, RUN_ID
from fedtrain.preview.model_facts import base_facts
from fedtrain.preview.row_check import data_uri
from fedtrain.preview.row_check import notes as row_notes
from fedtrain.preview.row_counts import Refusable, Uncounted, counted
from fedtrain.preview.sizes import Sizes, sizes
from fedtrain.rounds.privacy_forecast import privacy_forecast


class Part(Block):
    """One participant in a round. `samples`: size of its slice. `trained`: number of samples that its `steps` process,
    including repeats. `first_pass` and `last_pass`: passes over its data that the slice spans, from 1; None if it sits
    out, with a `reason`. `weight`: its weight in the mean, None if it is known only during a run."""

    participant: str
    samples: int
    distinct: int
    first_pass: int | None
    last_pass: int | None
    steps: int
    trained: int
    weight: float | None
    reason: str | None


class RoundPreview(Block):
    round: int
    parts: tuple[Part, ...]


class ParticipantPreview(Block):
    """One participant over the run. `rows` = `training` + `validation`. `uses_min` and `uses_max`: number of
    slices that contain its least and most used training sample. `samples`, `trained`, `steps`: sums over the run."""

    participant: str
    data: str
    rows: int
    training: int
    validation: int
    samples: int
    trained: int
    steps: int
    uses_min: int
    uses_max: int


class Preview(Block):
    name: str
    strategy: str
    on_exhausted: str
    participants: tuple[ParticipantPreview, ...]
    rounds: tuple[RoundPreview, ...]
    sizes: Sizes | None
    """None if the base model is not on this machine."""
    facts: tuple[str, ...]
    notes: tuple[str, ...]


def preview(federation: Federation, rows: Mapping[str, int] | None = None) -> Preview:
    """Return the preview of the whole run. `rows` gives participants' row counts; the rows of the others are counted
    and checked. Raises Uncounted, Refusable."""
    spec = federation.training.spec
    counts, found = counted(federation, rows or {})
    preflights = {name: supposed(federation, name, rows) for name, rows in counts.items()}
    before = checked(federation, found, tuple(row_notes(found, spec.data, spec.training.seed)), None)
    facts = base_facts(federation)
    rounds, positions = _play(spec, preflights, facts)
    totals = _totals(rounds)
    return Preview(
        name=federation.training.metadata.name,
        strategy=spec.partitioning.strategy,
        on_exhausted=spec.partitioning.on_exhausted,
        participants=tuple(
            ParticipantPreview(
                participant=name,
                data=data_uri(federation, name),
                rows=counts[name],
                training=preflight.samples,
                validation=preflight.validation_samples,
                samples=positions[name],
                trained=totals[name][0],
                steps=totals[name][1],
                uses_min=positions[name] // max(1, preflight.samples),
                uses_max=-(-positions[name] // max(1, preflight.samples)),
            )
            for name, preflight in preflights.items()
        ),
        rounds=rounds,
        sizes=sizes(spec, facts, _updates(rounds)) if facts is not None else None,
        facts=before.facts,
        notes=(
            *(f"A run would fail: {error}" for error in before.errors),
            *before.warnings,
            *_notes(federation, preflights, facts, rounds),
        ),
    )


def _updates(rounds: tuple[RoundPreview, ...]) -> int:
    return sum(part.samples > 0 for round in rounds for part in round.parts)


def grouped(rounds: tuple[RoundPreview, ...]) -> list[tuple[RoundPreview, RoundPreview]]:
    """Group consecutive rounds that differ only in their passes, as (first, last)."""

    def same(round: RoundPreview) -> tuple[Part, ...]:
        return tuple(part.model_copy(update={"first_pass": None, "last_pass": None}) for part in round.parts)

    groups: list[tuple[RoundPreview, RoundPreview]] = []
    for round in rounds:
        if groups and same(groups[-1][0]) == same(round):
            groups[-1] = (groups[-1][0], round)
        else:
            groups.append((round, round))
    return groups


def _play(
    spec: FederatedTrainingSpec, preflights: Mapping[str, Preflight], facts: ModelFacts | None
) -> tuple[tuple[RoundPreview, ...], dict[str, int]]:
    """Return all rounds, and the position of each stream after them."""
    positions = dict.fromkeys(preflights, 0)
    rounds: list[RoundPreview] = []
    for number in range(1, spec.rounds.count + 1):
        now = situation(spec, preflights=preflights, positions=positions, facts=facts)
        shares = partition(spec.partitioning, now)
        different = {share.participant: _distinct(spec, preflights, share) for share in shares}
        weights = _weights(spec, different)
        parts = (
            _part(spec, preflights, share, different[share.participant], weights.get(share.participant))
            for share in shares
        )
        rounds.append(RoundPreview(round=number, parts=tuple(parts)))
        positions = {share.participant: share.end for share in shares}
    return tuple(rounds), positions


def _distinct(spec: FederatedTrainingSpec, preflights: Mapping[str, Preflight], share: Share) -> int:
    population = preflights[share.participant].samples
    return distinct(population, spec.training.seed, share.participant, share.start, share.samples)


def _part(
    spec: FederatedTrainingSpec,
    preflights: Mapping[str, Preflight],
    share: Share,
    different: int,
    weight: float | None,
) -> Part:
    trains = share.samples > 0
    population = preflights[share.participant].samples
    training = spec.participant(share.participant).training.over(spec.training)
    trained = trained_of(training, share.samples) if trains else 0
    return Part(
        participant=share.participant,
        samples=share.samples,
        distinct=different,
        first_pass=share.start // population + 1 if trains else None,
        last_pass=(share.end - 1) // population + 1 if trains else None,
        steps=-(-trained // training.batch_size),
        trained=trained,
        weight=weight if trains else 0.0,
        reason=share.reason,
    )


def trained_of(training: Training, samples: int) -> int:
    """Return the number of samples, including repeats, that a round's steps process on a slice of `samples`. As in the
    trainer: full batches for Steps, at least one sample for Epochs."""
    if training.length.type == "Steps":
        return (training.length.steps or 1) * training.batch_size
    return max(1, round(samples * (training.length.epochs or 1.0)))


def _totals(rounds: tuple[RoundPreview, ...]) -> dict[str, tuple[int, int]]:
    """Return (trained, steps) of each participant over the run."""
    totals: dict[str, tuple[int, int]] = {}
    for part in (part for round in rounds for part in round.parts):
        trained, steps = totals.get(part.participant, (0, 0))
        totals[part.participant] = (trained + part.trained, steps + part.steps)
    return totals


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


def supposed(federation: Federation, name: str, rows: int) -> Preflight:
    """Return the preflight that the participant is expected to write."""
    spec = federation.training.spec
    held_out = validation_count(rows, spec.data.validation_fraction)
    memory = federation.policies[name].spec.limits.gpu_memory
    return Preflight(
        run_id=RUN_ID,
        participant=name,
        samples=rows - held_out,
        validation_samples=held_out,
        fingerprint=DIGEST,
        gpu_memory=in_bytes(memory),
    )


def training_rows(federation: Federation) -> dict[str, int] | None:
    """Return the number of training rows of each participant; None if they are not on this machine."""
    try:
        counts = counted(federation, {})[0]
    except (Uncounted, Refusable):
        return None
    return {name: supposed(federation, name, rows).samples for name, rows in counts.items()}


def _notes(
    federation: Federation,
    preflights: Mapping[str, Preflight],
    facts: ModelFacts | None,
    rounds: tuple[RoundPreview, ...],
) -> list[str]:
    spec = federation.training.spec
    notes: list[str] = []
    short = [round.round for round in rounds if sum(1 for part in round.parts if part.samples > 0) < spec.minimum]
    if short:
        then = "the run fails there" if spec.rounds.below_minimum == "Fail" else "they are skipped"
        notes.append(
            f"In {len(short)} of {several(len(rounds), 'round')}, from round {short[0]}, fewer participants train than "
            f"rounds.minParticipants ({spec.minimum}): {then}."
        )
    partly = sorted({p.participant for round in rounds for p in round.parts if 0 < p.trained < p.distinct})
    if partly:
        notes.append(
            f"The steps of {', '.join(partly)} do not cover the slice of a round: `trained` is below `samples`. "
            "Set more steps or smaller slices."
        )
    if spec.aggregation.weights == "ValidationLoss":
        notes.append("Weights depend on validation losses, which are known only during the run.")
    if spec.partitioning.strategy == "DataVolumeAndGPUMemory":
        notes += _memory_notes(spec, preflights, facts)
    notes += privacy_forecast(spec, facts, {who: one.samples for who, one in preflights.items()})
    return notes


def _memory_notes(
    spec: FederatedTrainingSpec, preflights: Mapping[str, Preflight], facts: ModelFacts | None
) -> list[str]:
    """Return notes on memory values that the run determines."""
    notes: list[str] = []
    now = situation(spec, preflights=preflights, positions={}, facts=facts)
    asked = [who for who in now.candidates if who.micro_batch_size is None]
    default = spec.partitioning.parameters(DataVolumeAndGPUMemory).gpu_memory
    silent = [who.name for who in asked if who.gpu_memory is None and default is None]
    if silent:
        notes.append(
            f"The free GPU memory of {', '.join(silent)} is unknown until it is read from the device when the run "
            "starts."
        )
    if len(silent) < len(asked):
        notes.append("A device with less free memory than the manifest declares gets a smaller slice.")
    if asked and facts is None:
        notes.append("The base model is not on this machine. Its sizes are read when the run starts.")
    elif asked:
        notes.append("The memory of training is predicted, not measured.")
    return notes
