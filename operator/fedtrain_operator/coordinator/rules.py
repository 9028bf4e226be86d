"""The rules across objects, before the first round: each a function from what is there to what is wrong. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.places import scheme
from fedtrain_operator.shared.conditions import Said
from fedtrain_operator.shared.kinds import Json

Records = Mapping[str, Json]
"""The Participant objects that there are, by name."""


@dataclass(frozen=True)
class Here:
    """The training's namespace, and those that this operator serves (none: all)."""

    namespace: str
    served: tuple[str, ...] = ()


Rule = Callable[[FederatedTrainingSpec, Here, Records], Iterator[tuple[str, str]]]


def the_ledger_is_in_a_bucket(spec: FederatedTrainingSpec, here: Here, records: Records) -> Iterator[tuple[str, str]]:
    if spec.storage.type != "S3":
        yield "StorageNotShared", "spec.storage.type is File, and pods share no folder. Write type: S3 and a bucket"


def places_are_whole(spec: FederatedTrainingSpec, here: Here, records: Records) -> Iterator[tuple[str, str]]:
    """A file has a folder that paths start at; an object of the API has none."""
    hub, initial = spec.evaluation.hub, spec.model.adapter.initial_from
    if spec.model.base.startswith("."):
        yield "RelativePath", f"spec.model.base: {spec.model.base} starts at no folder here. {_WHOLE}"
    if hub is not None and _relative(hub.data.uri):
        yield "RelativePath", f"spec.evaluation.hub.data.uri: {hub.data.uri} starts at no folder here. {_WHOLE}"
    if initial is not None and _relative(initial.uri):
        yield "RelativePath", f"spec.model.adapter.initialFrom.uri: {initial.uri} starts at no folder here. {_WHOLE}"


def participants_are_known(spec: FederatedTrainingSpec, here: Here, records: Records) -> Iterator[tuple[str, str]]:
    for who in (participant.name for participant in spec.participants if participant.name not in records):
        yield "NoSuchParticipant", f"there is no Participant {who!r} (kubectl get participants)"


def participants_allow_this_namespace(
    spec: FederatedTrainingSpec, here: Here, records: Records
) -> Iterator[tuple[str, str]]:
    for who, record in _known(spec, records):
        if not _allows(record, here):
            yield (
                "NotAllowed",
                f"Participant {who!r} does not allow namespace {here.namespace!r} (spec.allowedNamespaces: "
                f"{', '.join(record['spec']['allowedNamespaces'][:5])})",
            )


def participants_are_served(spec: FederatedTrainingSpec, here: Here, records: Records) -> Iterator[tuple[str, str]]:
    for who, record in _known(spec, records):
        if not _serves(here, record):
            yield (
                "NotServed",
                f"Participant {who!r} is at namespace {record['spec']['namespace']!r}, which this operator doesn't "
                f"serve (the chart's value namespaces: {', '.join(here.served[:5])})",
            )


def participants_have_the_data_set(
    spec: FederatedTrainingSpec, here: Here, records: Records
) -> Iterator[tuple[str, str]]:
    for who, record in _known(spec, records):
        held = [dataset["name"] for dataset in record.get("status", {}).get("datasets", ())]
        if not record.get("status"):
            yield "NotReported", f"{who} has not said yet which data it has"
        elif spec.data.dataset not in held:
            known = f"its policy maps: {', '.join(held[:10])}" if held else "it has no ParticipantPolicy"
            yield "UnknownDataset", f"{who} has no data set {spec.data.dataset!r} ({known})"


RULES: tuple[Rule, ...] = (
    the_ledger_is_in_a_bucket,  # a folder, which pods don't share
    places_are_whole,  # ./base
    participants_are_known,  # bank-x
    participants_allow_this_namespace,  # bank-a works for team-b alone
    participants_are_served,  # bank-a is at a namespace that the chart's `namespaces` leaves out
    participants_have_the_data_set,  # nobody maps it
)

_WHOLE = "Write an absolute path in the pods, or s3://bucket/key"
_LONGEST = 8


def accepted(spec: FederatedTrainingSpec, here: Here, records: Records) -> Said:
    """The condition `Accepted`: all that is wrong, at once."""
    problems = [problem for rule in RULES for problem in rule(spec, here, records)]
    if not problems:
        return Said("Accepted", "True", "Valid")
    more = f"; and {len(problems) - _LONGEST} more" if len(problems) > _LONGEST else ""
    return Said("Accepted", "False", problems[0][0], "; ".join(said for _, said in problems[:_LONGEST]) + more)


def askable(here: Here, records: Records) -> dict[str, Json]:
    """The Participants that may be asked now: one that takes its permission back gets no further task."""
    return {who: record for who, record in records.items() if _allows(record, here) and _serves(here, record)}


def _allows(record: Json, here: Here) -> bool:
    return bool({"*", here.namespace} & {*record["spec"]["allowedNamespaces"]})


def _serves(here: Here, record: Json) -> bool:
    return not here.served or record["spec"]["namespace"] in here.served


def _known(spec: FederatedTrainingSpec, records: Records) -> Iterator[tuple[str, Json]]:
    for participant in spec.participants:
        if participant.name in records:
            yield participant.name, records[participant.name]


def _relative(uri: str) -> bool:
    return scheme(uri) == "file" and not uri.removeprefix("file://").startswith("/")
