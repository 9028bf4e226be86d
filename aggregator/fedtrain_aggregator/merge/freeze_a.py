"""`merge: FreezeA` (FFA-LoRA, Sun et al. 2024): A is fixed and shared, so that the average of B is exact."""

from fedtrain_aggregator.merge.base import Merge

FREEZE_A = Merge(
    "FreezeA",
    trains=lambda name: ".lora_B." in name,
    trained="lora_B tensors, which is all that aggregation.merge: FreezeA trains",
)
