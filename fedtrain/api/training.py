"""`spec.training`: how each participant trains within a round, and what one participant may override."""

from typing import Annotated, Literal

from pydantic import Field

from fedtrain.api.base import Block, Count, Fraction, NonNegativeFloat, NonNegativeInt, PositiveFloat, Toggle

Precision = Literal["Auto", "BF16", "FP16", "FP32"]


class Length(Block):
    """Optimizer steps a round, or passes over the round's slice."""

    type: Literal["Steps", "Epochs"]
    steps: Count | None = None
    epochs: PositiveFloat | None = None


class Training(Block):
    """Local training. `batch_size` is the effective batch over all of a participant's processes; `micro_batch_size`
    is what one process holds at a time (found from memory if unset). The schedule runs over all rounds. `keep` says
    which local checkpoint is sent: the best by validation loss, or the last."""

    length: Length
    batch_size: Count = 32
    micro_batch_size: Count | None = None
    learning_rate: PositiveFloat = 2e-4
    schedule: Literal["Cosine", "Linear", "Constant"] = "Cosine"
    warmup_ratio: Fraction = 0.0
    optimizer: Literal["AdamW", "SGD"] = "AdamW"
    weight_decay: NonNegativeFloat = 0.0
    max_grad_norm: PositiveFloat = 1.0
    precision: Precision = "Auto"
    gradient_checkpointing: Toggle = "Auto"
    keep: Literal["Best", "Last"] = "Last"
    seed: Annotated[NonNegativeInt, Field(le=2**32 - 1)] = 17


class TrainingOverrides(Block):
    """What one participant may do otherwise than `spec.training`; unset fields are inherited."""

    length: Length | None = None
    micro_batch_size: Count | None = None
    learning_rate: PositiveFloat | None = None
    precision: Precision | None = None
    gradient_checkpointing: Toggle | None = None

    def over(self, training: Training) -> Training:
        """`training` with this participant's fields laid over it."""
        own = {name: value for name in type(self).model_fields if (value := getattr(self, name)) is not None}
        return training.model_copy(update=own)
