"""Partitioning strategies by the name in `spec.partitioning.strategy`, one file each."""

from fedtrain.partitioning.strategies.all_samples import ALL
from fedtrain.partitioning.strategies.data_volume_and_gpu_memory import DATA_VOLUME_AND_GPU_MEMORY
from fedtrain.partitioning.strategies.fixed_size import FIXED_SIZE
from fedtrain.partitioning.strategies.max_data_volume import MAX_DATA_VOLUME
from fedtrain.partitioning.strategies.percentage import PERCENTAGE
from fedtrain.partitioning.strategy import Strategy

STRATEGIES: dict[str, Strategy] = {
    "All": ALL,
    "FixedSize": FIXED_SIZE,
    "Percentage": PERCENTAGE,
    "MaxDataVolume": MAX_DATA_VOLUME,
    "DataVolumeAndGPUMemory": DATA_VOLUME_AND_GPU_MEMORY,
}
