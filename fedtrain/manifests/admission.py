"""The rules across objects, before the first round: each a function from what is there to what is wrong. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.places import scheme
from fedtrain.manifests.conditions import Condition
from fedtrain.manifests.kinds import Json

Records = Mapping[str, Json]
"""The Participant objects that there are, by name."""


@dataclass(frozen=True)
class Here:
    """The training's namespace, and those that this operator serves (none: all)."""

    namespace: str
    served: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """`reason`: one word for programs. `field`: of the training, such as `spec.model.base`, where it is one's."""

    reason: str
    message: str
    fix: str = ""
    field: str = ""

    def __str__(self) -> str:
        said = f"{self.field}: {self.message}" if self.field else self.message
        return f"{said}. {self.fix}" if self.fix else said


Problems = Iterator[Problem]
Rule = Callable[[FederatedTrainingSpec, Here, Records], Problems]


def the_ledger_is_in_a_bucket(spec: FederatedTrainingSpec, here: Here, records: Records) -> Problems:
    if spec.storage.type != "S3":
        fix = "Write type: S3 and a bucket"
        yield Problem("StorageNotShared", "File is a folder, and pods share none", fix, "spec.storage.type")


def places_are_whole(spec: FederatedTrainingSpec, here: Here, records: Records) -> Problems:
    """A file has a folder that paths start at; an object of the API has none."""
    hub, initial = spec.evaluation.hub, spec.model.adapter.initial_from
    if spec.model.base.startswith("."):
        yield _starts_nowhere("spec.model.base", spec.model.base)
    if hub is not None and _relative(hub.data.uri):
        yield _starts_nowhere("spec.evaluation.hub.data.uri", hub.data.uri)
    if initial is not None and _relative(initial.uri):
        yield _starts_nowhere("spec.model.adapter.initialFrom.uri", initial.uri)


def participants_are_known(spec: FederatedTrainingSpec, here: Here, records: Records) -> Problems:
    for who in (participant.name for participant in spec.participants if participant.name not in records):
        yield Problem("NoSuchParticipant", f"there is no Participant {who!r} (kubectl get participants)")


def participants_allow_this_namespace(spec: FederatedTrainingSpec, here: Here, records: Records) -> Problems:
    for who, record in _known(spec, records):
        if not _allows(record, here):
            yield Problem(
                "NotAllowed",
                f"Participant {who!r} does not allow namespace {here.namespace!r} (spec.allowedNamespaces: "
                f"{', '.join(record['spec']['allowedNamespaces'][:5])})",
            )


def participants_are_served(spec: FederatedTrainingSpec, here: Here, records: Records) -> Problems:
    for who, record in _known(spec, records):
        if not _serves(here, record):
            yield Problem(
                "NotServed",
                f"Participant {who!r} is at namespace {record['spec']['namespace']!r}, which this operator doesn't "
                f"serve (the chart's value namespaces: {', '.join(here.served[:5])})",
            )


def participants_have_the_data_set(spec: FederatedTrainingSpec, here: Here, records: Records) -> Problems:
    for who, record in _known(spec, records):
        held = [dataset["name"] for dataset in record.get("status", {}).get("datasets", ())]
        if not record.get("status"):
            yield Problem("NotReported", f"{who} has not said yet which data it has")
        elif spec.data.dataset not in held:
            known = f"its policy maps: {', '.join(held[:10])}" if held else "it has no ParticipantPolicy"
            yield Problem("UnknownDataset", f"{who} has no data set {spec.data.dataset!r} ({known})")


RULES: tuple[Rule, ...] = (
    the_ledger_is_in_a_bucket,  # a folder, which pods don't share
    places_are_whole,  # ./base
    participants_are_known,  # bank-x
    participants_allow_this_namespace,  # bank-a works for team-b alone
    participants_are_served,  # bank-a is at a namespace that the chart's `namespaces` leaves out
    participants_have_the_data_set,  # nobody maps it
)

_LONGEST = 8


def accepted(spec: FederatedTrainingSpec, here: Here, records: Records) -> Condition:
    """The condition `Accepted`: all that is wrong, at once."""
    problems = [problem for rule in RULES for problem in rule(spec, here, records)]
    if not problems:
        return Condition("Accepted", "True", "Valid")
    more = f"; and {len(problems) - _LONGEST} more" if len(problems) > _LONGEST else ""
    return Condition("Accepted", "False", problems[0].reason, "; ".join(map(str, problems[:_LONGEST])) + more)


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


def _starts_nowhere(field: str, path: str) -> Problem:
    fix = "Write an absolute path in the pods, or s3://bucket/key"
    return Problem("RelativePath", f"{path} starts at no folder here", fix, field)


def _relative(uri: str) -> bool:
    return scheme(uri) == "file" and not uri.removeprefix("file://").startswith("/")
