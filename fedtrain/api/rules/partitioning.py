"""Rules on `spec.partitioning`."""

from fedtrain.api.partitioning import Partitioning
from fedtrain.api.partitioning_strategies import DataVolumeAndGPUMemory
from fedtrain.api.rules.context import Context
from fedtrain.api.rules.participants import positive_size
from fedtrain.api.rules.rule import Cel, Violations, broken, rule

gpu_memory_is_positive = positive_size(DataVolumeAndGPUMemory, "gpuMemory", "the memory of one GPU", "40Gi")


@rule(
    Partitioning,
    "onExhausted",
    message="onExhausted: {choice} has no effect with strategy: All, where each round is one full pass.",
    fix="Remove `onExhausted`, or use another strategy, such as `strategy: Percentage`.",
    cel=Cel(
        valid="self.strategy != 'All' || self.onExhausted == 'Wrap'",
        values={"choice": "self.onExhausted"},
    ),
    reason="FieldValueForbidden",
    at_key=True,
)
def on_exhausted_not_with_all(partitioning: Partitioning, context: Context) -> Violations:
    """`onExhausted` is `Wrap` with strategy All, where each round is one full pass."""
    if partitioning.strategy == "All" and partitioning.on_exhausted != "Wrap":
        yield broken(choice=partitioning.on_exhausted)
