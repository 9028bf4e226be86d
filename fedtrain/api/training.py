"""`spec.training`: how each participant trains within a round, and what one participant may override."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from fedtrain.api.base import Block, Count, Fraction, NonNegativeFloat, NonNegativeInt, PositiveFloat, Toggle, Union

Precision = Literal["Auto", "BF16", "FP16", "FP32"]


class Length(Block):
    """How long a participant trains in a round."""

    unions: ClassVar[tuple[Union, ...]] = (
        Union(discriminator="type", required={"Steps": "steps", "Epochs": "epochs"}),
    )

    type: Literal["Steps", "Epochs"]
    """`Steps` of the optimizer, or `Epochs`: passes over the round's rows."""
    steps: Count | None = None
    """Steps a round; the round's rows come again when they are used up."""
    epochs: PositiveFloat | None = None
    """Passes a round."""


class Training(Block):
    """How each participant trains within a round."""

    length: Length
    """Length of the local training in each round."""
    batch_size: Count = 32
    """The effective batch: rows an optimizer step, over all of a participant's processes."""
    micro_batch_size: Count | None = None
    """Rows that one process holds at a time; found from memory if left out."""
    learning_rate: PositiveFloat = 2e-4
    """Peak learning rate of the schedule."""
    schedule: Literal["Cosine", "Linear", "Constant"] = "Cosine"
    """Learning-rate schedule. Spans all rounds; it does not restart each round."""
    warmup_ratio: Fraction = 0.0
    """The part of the whole run in which the learning rate rises from 0."""
    optimizer: Literal["AdamW", "SGD"] = "AdamW"
    """Optimizer. Its state is reset each round."""
    weight_decay: NonNegativeFloat = 0.0
    """AdamW's, or SGD's."""
    max_grad_norm: PositiveFloat = 1.0
    """Gradients are clipped to this L2 norm."""
    precision: Precision = "Auto"
    """Of the frozen base and of the computation; the adapter is FP32 always. `Auto`: BF16 on GPUs that have it, else
    FP32."""
    gradient_checkpointing: Toggle = "Auto"
    """Less memory, more time. `Auto`: only where nothing fits without."""
    keep: Literal["Best", "Last"] = "Last"
    """Which local checkpoint is sent: the `Best` by validation loss, or the `Last`."""
    seed: Annotated[NonNegativeInt, Field(le=2**32 - 1)] = 17
    """Of everything random: the adapter's start, the validation split, the order of rows, dropout."""


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
        """`training` with this participant's fields laid over it."""
        own = {name: value for name in type(self).model_fields if (value := getattr(self, name)) is not None}
        return training.model_copy(update=own)
