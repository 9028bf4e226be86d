"""Rules on `spec.participants`, and on what depends on who takes part."""

import re
from collections.abc import Iterable

from fedtrain.api.base import Block, quantity
from fedtrain.api.participants import Compute, Participant
from fedtrain.api.rules.subject import Found, Place, Problem, Problems, Subject


def minimum_is_within_participants(subject: Subject) -> Problems:
    """`rounds.minParticipants` is at most the number of participants."""
    minimum, count = subject.spec.rounds.min_participants, len(subject.spec.participants)
    if minimum is not None and minimum > count:
        who = f"the {count} participants" if count > 1 else "the one participant"
        fix = f"Write {count} or less." if count > 1 else "Write 1."
        yield Problem(subject.at("rounds", "minParticipants"), f"{minimum} is more than {who}.", fix)


def participants_have_their_own_names(subject: Subject) -> Problems:
    """No two participants have the same name."""
    names = ((found.value.name, found.place.at("name")) for found in subject.participants)
    yield from repeated(names, "participant")


def a_weight_needs_fixed_weights(subject: Subject, participant: Found[Participant]) -> Problems:
    """A participant has a `weight` if, and only if, `aggregation.weights` is Fixed."""
    weights, weight = subject.spec.aggregation.weights, participant.value.weight
    if weight is not None and weights != "Fixed":
        message = f"A weight counts with aggregation.weights: Fixed only, and it is {weights}."
        yield Problem(participant.place.at("weight"), message, "Remove the weight, or write weights: Fixed.", key=True)
    if weight is None and weights == "Fixed":
        message = "It is missing: with aggregation.weights: Fixed every participant has one."
        yield Problem(participant.place.at("weight"), message, "Write weight: 1, say.")


def batches_split_evenly(subject: Subject, participant: Found[Participant]) -> Problems:
    """`training.batchSize` is a multiple of the participant's processes (nodes x GPUs, or nodes on CPU) times its
    `microBatchSize`."""
    compute = participant.value.compute
    own = participant.value.training.micro_batch_size
    micro = own if own is not None else subject.spec.training.micro_batch_size
    processes = compute.nodes * max(1, compute.gpus_per_node)
    step, batch = (micro or 1) * processes, subject.spec.training.batch_size
    if batch % step == 0:
        return
    if own is not None:
        place = participant.place.at("training", "microBatchSize")
    elif micro is None or processes > 1:
        place = participant.place.at("compute", "gpusPerNode" if compute.gpus_per_node > 1 else "nodes")
    else:  # the training's own two numbers don't fit; said once, at the first participant that inherits them
        inheriting = (p for p in subject.participants if _inherits(p.value))
        if next(inheriting, participant).place != participant.place:
            return
        place = subject.at("training", "microBatchSize")
    parts = f"microBatchSize {micro} x {processes} processes" if micro and processes > 1 else ""
    parts = parts or (f"microBatchSize {micro}" if micro else f"the {processes} processes of this participant")
    message = f"training.batchSize {batch} is not a multiple of {step} ({parts})."
    if step > batch:
        fix = f"Write batchSize: {step}, or less of the other."
    else:
        fix = f"Write batchSize: {batch // step * step} or {(batch // step + 1) * step}, or change the other."
    yield Problem(place, message, fix)


def _inherits(participant: Participant) -> bool:
    compute = participant.compute
    return participant.training.micro_batch_size is None and compute.nodes * max(1, compute.gpus_per_node) == 1


def gpu_memory_is_more_than_none(block: Block, place: Place) -> Problems:
    """A `gpuMemory` of `compute` is more than 0."""
    if isinstance(block, Compute) and block.gpu_memory is not None:
        yield from not_zero(block.gpu_memory, place.at("gpuMemory"))


def cpu_and_memory_are_more_than_none(block: Block, place: Place) -> Problems:
    """`cpu` and `memory` of `compute` are more than 0."""
    if not isinstance(block, Compute):
        return
    if block.cpu is not None and not re.search("[1-9]", block.cpu):
        fix = 'Write what a node\'s task needs, such as "4", or remove it.'
        yield Problem(place.at("cpu"), f"{block.cpu} is no core at all.", fix)
    if block.memory is not None and quantity(block.memory) == 0:
        fix = "Write what a node's task needs, such as 16Gi, or remove it."
        yield Problem(place.at("memory"), f"{block.memory} is no memory at all.", fix)


def not_zero(memory: str, place: Place) -> Problems:
    """A quantity of at least one byte."""
    if quantity(memory) == 0:
        yield Problem(place, f"{memory} is no memory at all.", "Write what one GPU has, such as 40Gi, or remove it.")


def repeated(named: Iterable[tuple[str, Place]], what: str) -> Problems:
    """A problem for every name that was there before."""
    seen: set[str] = set()
    for name, place in named:
        if name in seen:
            yield Problem(place, f"There is another {what} {name} before this one.", "Give each its own name.")
        seen.add(name)
