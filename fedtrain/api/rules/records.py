"""Rules on a Participant, the hub's record."""

from fedtrain.api.participant_record import ParticipantRecord
from fedtrain.api.rules.participants import repeated
from fedtrain.api.rules.subject import Found, Problem, Problems


def everywhere_stands_alone(subject: object, record: Found[ParticipantRecord]) -> Problems:
    """`allowedNamespaces` is `"*"` alone, or names."""
    allowed = record.value.spec.allowed_namespaces
    if "*" in allowed and len(allowed) > 1:
        message = '"*" allows all namespaces, so the others would not count.'
        place = record.place.at("spec", "allowedNamespaces")
        yield Problem(place, message, 'Write ["*"], or names alone.', key=True)


def namespaces_are_named_once(subject: object, record: Found[ParticipantRecord]) -> Problems:
    """`allowedNamespaces` names no namespace twice."""
    place = record.place.at("spec", "allowedNamespaces")
    names = ((name, place.at(number)) for number, name in enumerate(record.value.spec.allowed_namespaces))
    yield from repeated(names, "namespace")
