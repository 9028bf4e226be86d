"""Compute each participant's share of the next round. Used by the run and by `fedtrain plan`."""

from collections.abc import Mapping

from fedtrain.api.base import in_bytes, smallest
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.model import TargetModules
from fedtrain.api.participants import Participant
from fedtrain.api.partitioning import Partitioning
from fedtrain.contracts.records import ModelFacts, Preflight
from fedtrain.partitioning.exhaustion import ON_EXHAUSTED
from fedtrain.partitioning.situation import Candidate, Share, Situation, Want
from fedtrain.partitioning.strategies import STRATEGIES

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
        elif want.samples > 0:
            want = limit(candidate, want.samples)
        shares.append(
            Share(participant=candidate.name, start=candidate.start, samples=want.samples, reason=want.reason)
        )
    return tuple(shares)


def situation(
    spec: FederatedTrainingSpec,
    *,
    preflights: Mapping[str, Preflight],
    positions: Mapping[str, int],
    facts: ModelFacts | None,
) -> Situation:
    """Return the input of `partition`: all participants with a preflight, in the order of the spec. `positions`:
    position of each stream (0 if missing)."""
    return Situation(
        candidates=tuple(
            _candidate(spec, participant, preflights[participant.name], positions.get(participant.name, 0))
            for participant in spec.participants
            if participant.name in preflights
        ),
        rounds=spec.rounds.count,
        max_length=spec.data.max_length,
        facts=facts,
        attention_only=_attention_only(spec.model.adapter.target_modules),
    )


def _candidate(spec: FederatedTrainingSpec, participant: Participant, preflight: Preflight, start: int) -> Candidate:
    training = participant.training.over(spec.training)
    compute = participant.compute
    return Candidate(
        name=participant.name,
        population=preflight.samples,
        start=start,
        processes=compute.nodes * max(1, compute.gpus_per_node),
        gpu_memory=smallest(preflight.gpu_memory, in_bytes(compute.gpu_memory)),
        micro_batch_size=training.micro_batch_size,
        checkpointing=training.gradient_checkpointing,
        value_bytes=4 if training.precision == "FP32" else 2,
    )


def _attention_only(targets: TargetModules) -> bool:
    return targets.type == "Names" and targets.names is not None and ATTENTION_INPUTS.issuperset(targets.names)
