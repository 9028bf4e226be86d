"""Reading a file for a cluster: paths are paths in the pods, and objects that no file has are on the cluster."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from fedtrain.api.participant_policy import ParticipantPolicy
from fedtrain.api.reading import Federation, FieldError, Invalid, read_file
from fedtrain.api.reading.documents import Documents, Located
from fedtrain.api.reading.source import read_text

Json = dict[str, Any]

HERE = ("limits", "minimums", "privacy")
"""Fields of a policy that judge a training on one machine too. The others are about namespaces, images and pods."""


def read_for_cluster(files: tuple[Path, ...]) -> Federation:
    """Read the training from the first file. Policies and Participants in none of the files are expected on the
    cluster. Raises Invalid with every error that the API server, the operator or a policy would report."""
    federation = read_file(*files, elsewhere=True, policies_elsewhere=True)
    documents = _Documents(files)
    if refused := [*_refused(federation, documents), *_refused_by_policies(federation, documents)]:
        raise Invalid(refused)
    return federation


def read_for_this_machine(file: Path) -> Federation:
    """Read the federation of one machine. Raises Invalid, also if its limits, minimums or privacy are refused by a
    policy in the file."""
    federation = read_file(file)
    refused = _refused_by_policies(federation, _Documents((file,)), HERE)
    if found := list(refused):
        raise Invalid(found)
    return federation


def namespace_of(federation: Federation, who: str) -> str:
    """Namespace of a participant's tasks; the participant's name if no Participant object names it."""
    record = federation.records.get(who)
    return record.spec.namespace if record else who


def records_of(federation: Federation) -> dict[str, Json]:
    """The Participant objects as they will be once each participant has reported its data sets."""
    spec, found = federation.training.spec, dict[str, Json]()
    for who in (participant.name for participant in spec.participants):
        record, policy = federation.records.get(who), federation.policies.get(who)
        allowed = list(record.spec.allowed_namespaces) if record else ["*"]
        held = [dataset.name for dataset in policy.spec.datasets] if policy else [spec.data.dataset]
        found[who] = {
            "spec": {"namespace": namespace_of(federation, who), "allowedNamespaces": allowed},
            "status": {"datasets": [{"name": name} for name in held]},
        }
    return found


def _refused(federation: Federation, documents: "_Documents") -> Iterator[FieldError]:
    """Errors of the operator for a training that the API server accepts, each with the line of its field."""
    from fedtrain.manifests.admission import RULES, Here

    here, records = Here(federation.training.metadata.namespace), records_of(federation)
    for rule in RULES:
        for problem in rule(federation.training.spec, here, records):
            path = tuple(problem.field.split(".")) if problem.field else ()
            place = documents.find("FederatedTraining")
            yield _error(place, path, f"{problem.message}.", f"{problem.fix}." if problem.fix else "")


def _refused_by_policies(
    federation: Federation, documents: "_Documents", fields: tuple[str, ...] = ()
) -> Iterator[FieldError]:
    """Refusals of the participants' policies, each with the line of the policy's field. `fields`: those of a policy
    that count; without them, all."""
    judging = [policy for policy in federation.policies.values() if not fields or _has_any(policy, fields)]
    if not judging:
        return
    from fedtrain.preview.policy_refusals import policy_refusals

    for who, refused in policy_refusals(federation).items():
        for refusal in refused:
            path = _policy_field(refusal.rule)
            if fields and path[1:2] not in {(field,) for field in fields}:
                continue
            place = documents.find("ParticipantPolicy", who)
            fix = f"Change the training, or ask the owner of {who} to change {'.'.join(path)}."
            yield _error(place, path, f"{refusal.message}.", fix, item=f"policy {who}")


def _has_any(policy: ParticipantPolicy, fields: tuple[str, ...]) -> bool:
    return any(name in policy.spec.model_fields_set for name in fields)


def _policy_field(rule: str | None) -> tuple[str, ...]:
    """The path of a rule's field in a ParticipantPolicy."""
    return ("spec",) if rule in (None, "spec") else ("spec", *rule.split("."))


def _error(place: "_Place", path: tuple[str, ...], message: str, fix: str, item: str | None = None) -> FieldError:
    file, document = place
    line, column = document.spot_of(path) if path else (0, 0)
    return FieldError(
        file=str(file),
        line=line,
        column=column,
        path=path,
        value=document.at(path),
        message=message,
        fix=fix,
        item=item,
    )


_Place = tuple[Path, Located]


class _Documents:
    """The documents of the files by kind and name, read once an error needs a place."""

    def __init__(self, files: tuple[Path, ...]) -> None:
        self._files = files

    def find(self, kind: str, name: str | None = None) -> _Place:
        """The first document of this kind and name."""
        return self._places[kind, name]

    @cached_property
    def _places(self) -> dict[tuple[Any, Any], _Place]:
        found: dict[tuple[Any, Any], _Place] = {}
        for file in self._files:
            for document in Documents(read_text(file)).found:
                kind = document.at(("kind",))
                for name in (None, document.at(("metadata", "name"))):
                    found.setdefault((kind, name), (file, document))
        return found
