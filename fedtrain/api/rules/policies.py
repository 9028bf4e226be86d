"""Rules between the training and the participants' policies."""

from fedtrain.api.participant_policy import ParticipantPolicy
from fedtrain.api.participants import Participant
from fedtrain.api.rules.participants import not_zero, repeated
from fedtrain.api.rules.subject import Found, Problem, Problems, Subject


def policies_have_their_own_names(subject: Subject) -> Problems:
    """A participant has one policy."""
    names = ((found.value.metadata.name, found.place.at("metadata", "name")) for found in subject.policies)
    yield from repeated(names, "ParticipantPolicy")


def every_participant_has_a_policy(subject: Subject, participant: Found[Participant]) -> Problems:
    """Every participant has a ParticipantPolicy of its name."""
    name = participant.value.name
    named = [policy.value.metadata.name for policy in subject.policies]
    if name not in named:
        there = f"the policies are of {', '.join(named)}" if named else "the file has no policy"
        message = f"No ParticipantPolicy says where the data of {name} are; {there}."
        fix = f"Add a document of kind: ParticipantPolicy with metadata.name: {name}."
        yield Problem(participant.place.at("name"), message, fix)


def every_policy_has_a_participant(subject: Subject, policy: Found[ParticipantPolicy]) -> Problems:
    """Every ParticipantPolicy is of one of the training's participants."""
    name = policy.value.metadata.name
    names = dict.fromkeys(participant.name for participant in subject.spec.participants)
    if name not in names:
        message = f"{name} is no participant of {subject.training.value.metadata.name}."
        fix = f"Write one of {', '.join(names)}, or remove the document."
        yield Problem(policy.place.at("metadata", "name"), message, fix)


def datasets_have_their_own_names(subject: Subject, policy: Found[ParticipantPolicy]) -> Problems:
    """A policy maps a data set's name once."""
    place = policy.place.at("spec", "datasets")
    named = ((dataset.name, place.at(number, "name")) for number, dataset in enumerate(policy.value.spec.datasets))
    yield from repeated(named, "data set")


def every_policy_maps_the_data_set(subject: Subject, policy: Found[ParticipantPolicy]) -> Problems:
    """Every participant's policy says where `data.dataset` is."""
    wanted = subject.spec.data.dataset
    mapped = [dataset.name for dataset in policy.value.spec.datasets]
    taking_part = [participant.name for participant in subject.spec.participants]
    if wanted not in mapped and policy.value.metadata.name in taking_part:
        message = f"The training's data set {wanted} (spec.data.dataset) is not mapped; {', '.join(mapped)} is."
        fix = f"Add {{name: {wanted}, uri: ...}}, or write dataset: {mapped[0]} in spec.data."
        yield Problem(policy.place.at("spec", "datasets"), message, fix, key=True)


def limits_leave_gpu_memory(subject: Subject, policy: Found[ParticipantPolicy]) -> Problems:
    """`limits.gpuMemory` is more than 0."""
    if policy.value.spec.limits.gpu_memory is not None:
        yield from not_zero(policy.value.spec.limits.gpu_memory, policy.place.at("spec", "limits", "gpuMemory"))
