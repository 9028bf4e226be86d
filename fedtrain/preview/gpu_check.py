"""Compares what a training needs of GPUs with those of this machine."""

from collections.abc import Callable, Iterator

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.partitioning_strategies import DataVolumeAndGPUMemory
from fedtrain.api.paths import Path
from fedtrain.api.reading.errors import FieldError
from fedtrain.api.reading.federation import Federation
from fedtrain.listing import listed
from fedtrain.plurals import form, several
from fedtrain.runner.devices import Devices

_STRATEGY: Path = ("spec", "partitioning", "strategy")


def gpu_warnings(federation: Federation, here: Devices) -> Iterator[str]:
    """Yield a warning for participants that ask for more GPUs than this machine has."""
    for participant in federation.training.spec.participants:
        asked = participant.compute.gpus_per_node
        if asked > len(here.gpus):
            yield (
                f"participant {participant.name} asks for compute.gpusPerNode: {asked}, and this machine has "
                f"{several(len(here.gpus), 'GPU')}. On this machine, `fedtrain run` trains it on "
                f"{'one GPU' if here.gpus else 'the CPU'}; a cluster needs no change."
            )


def gpu_errors(federation: Federation, devices: Callable[[], Devices]) -> Iterator[FieldError]:
    """Yield what cannot run without a GPU, if this machine has none. `devices` is called only if it matters: listing
    GPUs starts a process."""
    spec = federation.training.spec
    precisions, unknown = list(_fp16(spec)), _without_memory(federation)
    trained = len(spec.participants) - len(unknown)
    is_short = bool(unknown) and (not trained or (trained < spec.minimum and spec.rounds.below_minimum == "Fail"))
    if not (precisions or is_short) or devices().gpus:
        return
    for path in precisions:
        yield federation.error_at(
            path,
            "FP16 needs a GPU, and this machine has none.",
            "Write `Auto`, `BF16` or `FP32`. For a cluster, use `fedtrain validate --cluster`.",
        )
    if is_short:
        yield federation.error_at(
            _STRATEGY,
            f"DataVolumeAndGPUMemory needs the GPU memory of participants, this machine has no GPU, and nothing sets "
            f"that of {listed(unknown)}. So {form(len(unknown), 'it sits', 'they sit')} out, and no round has "
            f"rounds.minParticipants ({spec.minimum}).",
            "Set `training.microBatchSize` or `partitioning.dataVolumeAndGPUMemory.gpuMemory`, or use another "
            "strategy.",
        )


def _fp16(spec: FederatedTrainingSpec) -> Iterator[Path]:
    if spec.training.precision == "FP16":
        yield ("spec", "training", "precision")
    for number, one in enumerate(spec.participants):
        if one.training.precision == "FP16":
            yield ("spec", "participants", number, "training", "precision")


def _without_memory(federation: Federation) -> list[str]:
    """Return the participants whose batch needs their GPU memory, which only a GPU can tell."""
    spec = federation.training.spec
    if spec.partitioning.strategy != "DataVolumeAndGPUMemory":
        return []
    if spec.partitioning.parameters(DataVolumeAndGPUMemory).gpu_memory is not None:
        return []
    return [
        one.name
        for one in spec.participants
        if one.training.over(spec.training).micro_batch_size is None
        and one.compute.gpu_memory is None
        and federation.policies[one.name].spec.limits.gpu_memory is None
    ]
