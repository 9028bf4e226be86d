"""Compares the GPUs that participants ask for with those of this machine."""

from collections.abc import Iterator

from fedtrain.api.reading.federation import Federation
from fedtrain.plurals import several
from fedtrain.runner.devices import Devices


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
