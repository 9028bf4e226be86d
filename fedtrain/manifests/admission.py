"""The rules across objects, before the first round: each a pure function from the objects to a problem."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.paths import show
from fedtrain.api.rules.validate import cluster_problems
from fedtrain.manifests.conditions import Condition
from fedtrain.manifests.kinds import Json
from fedtrain.rounds.unreachable import UNASKED

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


def spec_is_for_a_cluster(spec: FederatedTrainingSpec, here: Here, records: Records) -> Problems:
    """The rules that the CRD has too, for objects that are older than their CRD."""
    for problem in cluster_problems(spec):
        yield Problem(
            "InvalidSpec", problem.message.removesuffix("."), problem.fix.removesuffix("."), show(problem.place.path)
        )


def participants_are_known(spec: FederatedTrainingSpec, here: Here, records: Records) -> Problems:
    for who in (participant.name for participant in spec.participants if participant.name not in records):
        yield Problem(
            "NoSuchParticipant",
            f"Participant {who!r} does not exist (kubectl get participants)",
            f"Correct the name in `participants`, or ask the hub's administrator to invite it (`fedtrain participant "
            f"invite {who}`)",
        )


def participants_allow_this_namespace(spec: FederatedTrainingSpec, here: Here, records: Records) -> Problems:
    for who, record in _known(spec, records):
        if not _allows(record, here):
            yield Problem(
                "NotAllowed",
                f"Participant {who} does not allow namespace {here.namespace} (allowed: "
                f"{', '.join(record['spec']['allowedNamespaces'][:5])})",
                f"Use an allowed namespace, or ask the hub's administrator to add {here.namespace} to "
                f"`allowedNamespaces` of Participant {who}",
                "metadata.namespace",
            )


def participants_with_own_clusters_have_own_namespaces(
    spec: FederatedTrainingSpec, here: Here, records: Records
) -> Problems:
    """The token of such a participant reads all tasks of its namespace."""
    sharing = _sharing(records)
    for who, record in _known(spec, records):
        for other in sharing.get(who, ()):
            yield Problem(
                "SharedNamespace",
                f"Participants {who} and {other} both have namespace {record['spec']['namespace']}, so one could read "
                "the tasks of the other",
                "Ask the hub's administrator to give each its own namespace: delete one and invite it again (`fedtrain "
                "participant invite`)",
            )


def participants_are_served(spec: FederatedTrainingSpec, here: Here, records: Records) -> Problems:
    for who, record in _known(spec, records):
        if not _serves(here, record):
            yield Problem(
                "NotServed",
                f"Participant {who!r} is at namespace {record['spec']['namespace']!r}, which this operator does not "
                f"serve (it serves {', '.join(here.served[:5])})",
                "Ask the hub's administrator to add it to `namespaces` of the hub's chart",
            )


def participants_have_the_data_set(spec: FederatedTrainingSpec, here: Here, records: Records) -> Problems:
    for who, record in _known(spec, records):
        held = [dataset["name"] for dataset in record.get("status", {}).get("datasets", ())]
        if not record.get("status"):
            yield Problem(
                "NotReported",
                f"{who} has not reported its data sets yet",
                f"Wait for its first heartbeat, or ask the owner of {who} whether its fedtrain operator runs",
            )
        elif missing := [name for name in spec.data.names if name not in held]:
            known = f"its policy has: {', '.join(held[:10])}" if held else "it has no ParticipantPolicy"
            names = " and ".join(map(repr, missing))
            field = "dataset" if len(spec.data.names) == 1 else "datasets"
            yield Problem(
                "UnknownDataset",
                f"{who} has no data set {names} ({known})",
                f"Correct `data.{field}`, or ask the owner of {who} to add {names} to `datasets` in its "
                "ParticipantPolicy",
            )


RULES: tuple[Rule, ...] = (
    spec_is_for_a_cluster,  # a folder for the ledger, ./base
    participants_are_known,  # bank-x
    participants_allow_this_namespace,  # bank-a works for team-b alone
    participants_with_own_clusters_have_own_namespaces,  # bank-a and bank-b at bank-a
    participants_are_served,  # bank-a is at a namespace that the chart's `namespaces` leaves out
    participants_have_the_data_set,  # unknown data set
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
    sharing = _sharing(records)
    return {who: record for who, record in records.items() if _why_not(who, here, records, sharing) is None}


def why_not_asked(here: Here, records: Records, names: Iterable[str]) -> dict[str, str]:
    """Return those of `names` that may not be asked now, with the reason and who corrects it."""
    sharing = _sharing(records)
    reasons = {who: _why_not(who, here, records, sharing) for who in names}
    return {who: f"{UNASKED} {why}" for who, why in reasons.items() if why is not None}


def _why_not(who: str, here: Here, records: Records, sharing: Mapping[str, list[str]]) -> str | None:
    """Return why a participant may not be asked, after "its Participant"; None if it may be."""
    ask = "To include it again, ask the hub's administrator to"
    if who not in records:
        return f"does not exist. {ask} invite it (`fedtrain participant invite {who} --allow {here.namespace}`)"
    namespace = records[who]["spec"]["namespace"]
    if not _allows(records[who], here):
        return (
            f"does not allow namespace {here.namespace}. {ask} add {here.namespace} to `allowedNamespaces` of "
            f"Participant {who}"
        )
    if not _serves(here, records[who]):
        return (
            f"has namespace {namespace}, which the hub's operator does not serve. {ask} add {namespace} to "
            "`namespaces` in the values of the fedtrain chart"
        )
    if who in sharing:
        return (
            f"has the same namespace, {namespace}, as that of {sharing[who][0]}. {ask} give each its own namespace: "
            "delete one and invite it again (`fedtrain participant invite`)"
        )
    return None


def _allows(record: Json, here: Here) -> bool:
    return bool({"*", here.namespace} & {*record["spec"]["allowedNamespaces"]})


def _sharing(records: Records) -> dict[str, list[str]]:
    """The other Participants of the namespace of each, if it or they have clusters of their own. Computed for all at
    once, because there may be a thousand, in each pass of each training."""
    by_namespace: dict[str, list[str]] = {}
    for who in sorted(records):
        by_namespace.setdefault(records[who]["spec"]["namespace"], []).append(who)
    own = {who for who, record in records.items() if record["spec"].get("cluster") == "Own"}
    return {
        who: others
        for names in by_namespace.values()
        if len(names) > 1 and not own.isdisjoint(names)
        for who in names
        if (others := [other for other in names if other != who and not own.isdisjoint((who, other))])
    }


def _serves(here: Here, record: Json) -> bool:
    return not here.served or record["spec"]["namespace"] in here.served


def _known(spec: FederatedTrainingSpec, records: Records) -> Iterator[tuple[str, Json]]:
    for participant in spec.participants:
        if participant.name in records:
            yield participant.name, records[participant.name]
