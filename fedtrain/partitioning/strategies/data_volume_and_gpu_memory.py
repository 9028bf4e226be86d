"""DataVolumeAndGPUMemory: slices in proportion to each participant's data and free GPU memory.

    b       micro-batch per GPU: the user's `microBatchSize`, or the largest that fits (`memory.py`)
    K       GPUs * b: samples that the participant processes at once
    lambda  `batchesPerGpu`; default: median over the participants of N / (R K)
    n       min(N / R, lambda K), rounded down to a multiple of K

A participant with fewer than K samples per round trains on all of them (at least one) in smaller micro-batches, so that
a large GPU does not exclude a small data set. A participant whose GPU cannot hold one sample (K = 0), or whose GPU
memory is unknown, sits out with a reason. Memory bounds the micro-batch; as a bound on data, it is a proxy for
throughput.
"""

from fractions import Fraction
from math import floor
from statistics import median

from fedtrain.api.base import quantity
from fedtrain.api.partitioning import Partitioning
from fedtrain.api.partitioning_strategies import DataVolumeAndGPUMemory
from fedtrain.partitioning.exact_numbers import exact
from fedtrain.partitioning.memory import max_batch
from fedtrain.partitioning.situation import Candidate, Situation, Want
from fedtrain.partitioning.strategy import Strategy


def _wants(spec: Partitioning, situation: Situation) -> tuple[Want, ...]:
    block = spec.parameters(DataVolumeAndGPUMemory)
    batches = [_batch(block, situation, candidate) for candidate in situation.candidates]
    rounds = [Fraction(candidate.population, situation.rounds) for candidate in situation.candidates]
    ratios = [data / batch for data, batch in zip(rounds, batches, strict=True) if isinstance(batch, int)]
    if block.batches_per_gpu is not None:
        factor = exact(block.batches_per_gpu)
    else:
        factor = Fraction(median(ratios)) if ratios else Fraction(0)
    return tuple(
        Want(_samples(min(data, factor * batch), batch)) if isinstance(batch, int) else Want(0, batch)
        for data, batch in zip(rounds, batches, strict=True)
    )


def _samples(bound: Fraction, batch: int) -> int:
    whole = floor(bound)
    return whole - whole % batch if whole >= batch else max(1, whole)


def _batch(block: DataVolumeAndGPUMemory, situation: Situation, candidate: Candidate) -> int | str:
    """Return K, or the reason why it is unknown or 0."""
    if candidate.micro_batch_size is not None:
        return candidate.processes * candidate.micro_batch_size
    free = candidate.gpu_memory
    if free is None and block.gpu_memory is not None:
        free = quantity(block.gpu_memory)
    if free is None:
        return (
            "its GPU memory is not known; set `limits.gpuMemory` in its policy, `compute.gpuMemory`, "
            "`partitioning.dataVolumeAndGPUMemory.gpuMemory` or `training.microBatchSize`"
        )
    if situation.facts is None:
        return "the base model's sizes are not known; set `training.microBatchSize`"
    micro = max_batch(
        situation.facts,
        free,
        max_length=situation.max_length,
        attention_only=situation.attention_only,
        checkpointing=candidate.checkpointing,
        value_bytes=candidate.value_bytes,
    )
    if micro == 0:
        return (
            f"not one sample of {situation.max_length} tokens fits into the {free / 2**30:.1f} GiB of a GPU; lower "
            "`data.maxLength` or set `training.gradientCheckpointing: Enabled`"
        )
    return candidate.processes * micro


DATA_VOLUME_AND_GPU_MEMORY = Strategy(_wants)
