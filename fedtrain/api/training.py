"""`spec.training`: how each participant trains within a round, and what one participant may override."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from fedtrain.api.base import Block, Count, Fraction, NonNegativeFloat, NonNegativeInt, PositiveFloat, Toggle, Union

Precision = Literal["Auto", "BF16", "FP16", "FP32"]


class Length(Block):
    """Length of the local training in a round."""

    unions: ClassVar[tuple[Union, ...]] = (
        Union(discriminator="type", required={"Steps": "steps", "Epochs": "epochs"}),
    )

    type: Literal["Steps", "Epochs"]
    """`Steps`: optimizer steps. `Epochs`: passes over the round's rows."""
    steps: Count | None = None
    """Optimizer steps per round. Rows are repeated if there are fewer than the steps need."""
    epochs: PositiveFloat | None = None
    """Passes per round."""


class Training(Block):
    """How each participant trains within a round."""

    length: Length
    """Length of the local training in each round."""
    batch_size: Count = 32
    """Effective batch size: rows per optimizer step, over all processes of a participant."""
    micro_batch_size: Count | None = None
    """Rows per process and forward pass. If omitted, determined from the available memory."""
    learning_rate: PositiveFloat = 2e-4
    """Peak learning rate of the schedule."""
    schedule: Literal["Cosine", "Linear", "Constant"] = "Cosine"
    """Learning-rate schedule. Spans all rounds; it does not restart each round."""
    warmup_ratio: Fraction = 0.0
    """Fraction of the run in which the learning rate rises from 0."""
    optimizer: Literal["AdamW", "SGD"] = "AdamW"
    """Optimizer. Its state is reset each round."""
    weight_decay: NonNegativeFloat = 0.0
    """Weight decay of the optimizer."""
    max_grad_norm: PositiveFloat = 1.0
    """Maximum L2 norm of the gradients; larger gradients are clipped."""
    precision: Precision = "Auto"
    """Precision of the frozen base model and of the computation. The adapter is always FP32. `Auto`: BF16 on GPUs that
    support it, otherwise FP32."""
    gradient_checkpointing: Toggle = "Auto"
    """Gradient checkpointing: uses less memory and more time. `Auto`: on a GPU into which fewer than four rows
    at a time fit without it."""
    keep: Literal["Best", "Last"] = "Last"
    """Local checkpoint that is sent. `Best`: the one with the lowest validation loss. `Last`: the last one."""
    seed: Annotated[NonNegativeInt, Field(le=2**32 - 1)] = 17
    """Seed of all random choices: initial adapter, validation split, order of rows, dropout."""

    def trained(self, samples: int) -> int:
        """Return the number of samples, including repeats, that a round's steps process on a slice of `samples`: full
        batches for Steps, at least one sample for Epochs. With `privacy.unit: Example`, on average."""
        if self.length.type == "Steps":
            return (self.length.steps or 1) * self.batch_size
        return max(1, round(samples * (self.length.epochs or 1.0)))


class TrainingOverrides(Block):
    """Overrides of `spec.training` for one participant. Omitted fields are inherited."""

    length: Length | None = None
    """As in `spec.training`."""
    micro_batch_size: Count | None = None
    """As in `spec.training`."""
    learning_rate: PositiveFloat | None = None
    """As in `spec.training`."""
    precision: Precision | None = None
    """As in `spec.training`."""
    gradient_checkpointing: Toggle | None = None
    """As in `spec.training`."""

    def over(self, training: Training) -> Training:
        """Return `training` with the fields that this participant overrides."""
        own = {name: value for name in type(self).model_fields if (value := getattr(self, name)) is not None}
        return training.model_copy(update=own)
