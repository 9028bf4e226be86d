"""Sizes of a run before it starts: bytes that participants move, and memory of a GPU. Computed from the base model's
sizes, not measured."""

from fedtrain.api.base import Block
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts.records import ModelFacts
from fedtrain.partitioning.memory import MemoryModel
from fedtrain.partitioning.partition import situation
from fedtrain.partitioning.positions import Positions
from fedtrain.rounds.spent_epsilon import trained_values

VALUE_BYTES = 4
"""Adapters and updates are float32."""


class Sizes(Block):
    """All in bytes. `received`: adapter that a participant downloads in each round. `sent`: update that it uploads.
    `moved`: both, of all participants and rounds; retries and records are not counted. `memory`: of one GPU that trains
    on `rows` rows of `data.maxLength` tokens at a time; `memory_checkpointed`: with gradient checkpointing."""

    received: int
    sent: int
    moved: int
    rows: int
    memory: int
    memory_checkpointed: int


def sizes(spec: FederatedTrainingSpec, facts: ModelFacts, updates: int) -> Sizes:
    """Return the sizes of a run. `updates`: number of updates of all participants in all rounds."""
    received = facts.adapter_parameters * VALUE_BYTES
    sent = (trained_values(spec, facts) or 0) * VALUE_BYTES
    rows = spec.training.micro_batch_size or 1

    def needed(checkpointing: bool) -> int:
        model = MemoryModel(
            facts=facts,
            max_length=spec.data.max_length,
            attention_only=situation(spec, preflights={}, positions=Positions(), facts=facts).attention_only,
            checkpointing=checkpointing,
            value_bytes=4 if spec.training.precision == "FP32" else 2,
        )
        return model.needed(rows)

    return Sizes(
        received=received,
        sent=sent,
        moved=(received + sent) * updates,
        rows=rows,
        memory=needed(False),
        memory_checkpointed=needed(True),
    )
