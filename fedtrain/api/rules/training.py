"""Rules on `spec.rounds`, `spec.training`, `spec.partitioning` and the adapter."""

from fedtrain.api.base import seconds
from fedtrain.api.rules.participants import not_zero, repeated
from fedtrain.api.rules.subject import Problem, Problems, Subject


def the_deadline_is_in_the_future(subject: Subject) -> Problems:
    """`rounds.deadline` is more than 0 seconds."""
    deadline = subject.spec.rounds.deadline
    if seconds(deadline) == 0:
        yield Problem(subject.at("rounds", "deadline"), f"{deadline} leaves no time to train.", "Write 2h, say.")


def whole_passes_are_never_exhausted(subject: Subject) -> Problems:
    """`partitioning.onExhausted` Clip and Idle make no sense with strategy All, whose rounds are whole passes."""
    partitioning = subject.spec.partitioning
    if partitioning.strategy == "All" and partitioning.on_exhausted != "Wrap":
        message = f"With strategy All every round is a whole pass, so {partitioning.on_exhausted} would never apply."
        fix = "Remove it, or choose a strategy such as Percentage."
        yield Problem(subject.at("partitioning", "onExhausted"), message, fix, key=True)


def partitioning_memory_is_more_than_none(subject: Subject) -> Problems:
    """`partitioning.dataVolumeAndGPUMemory.gpuMemory` is more than 0."""
    block = subject.spec.partitioning.data_volume_and_gpu_memory
    if block is not None and block.gpu_memory is not None:
        place = subject.at("partitioning", "dataVolumeAndGPUMemory", "gpuMemory")
        yield from not_zero(block.gpu_memory, place)


def target_modules_are_named_once(subject: Subject) -> Problems:
    """`adapter.targetModules.names` names no module twice."""
    place = subject.at("model", "adapter", "targetModules", "names")
    names = subject.spec.model.adapter.target_modules.names or ()
    yield from repeated(((name, place.at(number)) for number, name in enumerate(names)), "module")
