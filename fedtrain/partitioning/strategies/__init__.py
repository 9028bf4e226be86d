"""One strategy a file, all in one registry."""

from fedtrain.partitioning.registry import Registry
from fedtrain.partitioning.strategies.all_samples import ALL
from fedtrain.partitioning.strategies.data_volume_and_gpu_memory import DATA_VOLUME_AND_GPU_MEMORY
from fedtrain.partitioning.strategies.fixed_size import FIXED_SIZE
from fedtrain.partitioning.strategies.max_data_volume import MAX_DATA_VOLUME
from fedtrain.partitioning.strategies.percentage import PERCENTAGE

STRATEGIES = Registry(ALL, FIXED_SIZE, PERCENTAGE, MAX_DATA_VOLUME, DATA_VOLUME_AND_GPU_MEMORY)
