"""Compute each participant's share of the next round. Used by the run and by `fedtrain plan`."""

from collections.abc import Mapping

from fedtrain.api.base import in_bytes, smallest
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.model import TargetModules
from fedtrain.api.participants import Participant
from fedtrain.api.partitioning import Partitioning
from fedtrain.contracts.records import ModelFacts
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.partitioning.exhaustion import ON_EXHAUSTED
from fedtrain.partitioning.mixing import divide, mixed_sets
from fedtrain.partitioning.positions import Positions
from fedtrain.partitioning.situation import Candidate, SetShare, Share, Situation, Want
from fedtrain.partitioning.strategies import STRATEGIES
from fedtrain.partitioning.streams import distinct, stream_of

ATTENTION_INPUTS = frozenset({"q_proj", "k_proj", "v_proj", "qkv_proj", "query_key_value", "c_attn"})
"""Modules that read the same activations, so that adapters on them keep few additional ones."""


def partition(spec: Partitioning, situation: Situation) -> tuple[Share, ...]:
    """Return one share per candidate, in order. A share of 0 samples has a reason.

    Raises ValueError if the strategy's block is missing, which validation rejects.
    """
    strategy = STRATEGIES[spec.strategy]
    limit = ON_EXHAUSTED["Wrap" if strategy.whole_passes else spec.on_exhausted]
    shares: list[Share] = []
    for candidate, want in zip(situation.candidates, strategy.wants(spec, situation), strict=True):
        if candidate.population == 0:
            want = Want(0, "it has no training samples")
        elif want.samples > 0 and (empty := [one.name for one in candidate.datasets if one.population == 0]):
            want = Want(0, f"its data set {empty[0]} has no training samples")
        elif want.samples > 0:
            want = limit(candidate, want.samples)
        shares.append(
            Share(
                participant=candidate.name,
                start=candidate.start,
                samples=want.samples,
                reason=want.reason,
                datasets=_parts(candidate, want.samples),
            )
        )
    return tuple(shares)


def _parts(candidate: Candidate, samples: int) -> tuple[SetShare, ...]:
    return tuple(
        SetShare(name=one.name, population=one.population, start=one.start, samples=count)
        for one, count in zip(candidate.datasets, divide(candidate.datasets, samples), strict=True)
    )


def distinct_rows(share: Share, population: int, seed: int) -> int:
    """Return the number of distinct rows in a participant's share of a round."""
    if not share.datasets:
        return distinct(population, seed, share.participant, share.start, share.samples)
    return sum(
        distinct(part.population, seed, stream_of(share.participant, part.name), part.start, part.samples)
        for part in share.datasets
    )


def situation(
    spec: FederatedTrainingSpec,
    *,
    preflights: Mapping[str, Preflight],
    positions: Positions,
    facts: ModelFacts | None,
) -> Situation:
    """Return the input of `partition`: all participants with a preflight, in the order of the spec. `positions`:
    before the round."""
    return Situation(
        candidates=tuple(
            _candidate(spec, participant, preflights[participant.name], positions)
            for participant in spec.participants
            if participant.name in preflights
        ),
        rounds=spec.rounds.count,
        max_length=spec.data.max_length,
        facts=facts,
        attention_only=_attention_only(spec.model.adapter.target_modules),
    )


def _candidate(
    spec: FederatedTrainingSpec, participant: Participant, preflight: Preflight, positions: Positions
) -> Candidate:
    training = participant.training.over(spec.training)
    compute, mix = participant.compute, spec.data.datasets
    sets = mixed_sets(mix, preflight.datasets or (), positions.of_sets(participant.name)) if mix is not None else ()
    return Candidate(
        name=participant.name,
        population=preflight.samples,
        start=positions.of(participant.name),
        processes=compute.nodes * max(1, compute.gpus_per_node),
        gpu_memory=smallest(preflight.gpu_memory, in_bytes(compute.gpu_memory)),
        micro_batch_size=training.micro_batch_size,
        checkpointing=training.gradient_checkpointing,
        value_bytes=4 if training.precision == "FP32" else 2,
        datasets=sets,
    )


def _attention_only(targets: TargetModules) -> bool:
    return targets.type == "Names" and targets.names is not None and ATTENTION_INPUTS.issuperset(targets.names)
