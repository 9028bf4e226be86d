"""Reading a file for a cluster: paths are paths in the pods, and objects that no file has are on the cluster."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fedtrain.api.reading import Federation, FieldError, Invalid, read_file
from fedtrain.api.reading.documents import Documents
from fedtrain.api.reading.formatting import is_map
from fedtrain.api.reading.source import read_text

Json = dict[str, Any]


def read_for_cluster(files: tuple[Path, ...]) -> Federation:
    """Read the training from the first file. Policies and Participants in none of the files are expected on the
    cluster. Raises Invalid with every error that the API server or the operator would report."""
    federation = read_file(*files, elsewhere=True, policies_elsewhere=True)
    if refused := list(_refused(federation, files)):
        raise Invalid(refused)
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


def _refused(federation: Federation, files: tuple[Path, ...]) -> Iterator[FieldError]:
    """Errors of the operator for a training that the API server accepts, each with the line of its field."""
    from fedtrain.manifests.admission import RULES, Here

    here, records = Here(federation.training.metadata.namespace), records_of(federation)
    for rule in RULES:
        for problem in rule(federation.training.spec, here, records):
            path = tuple(problem.field.split(".")) if problem.field else ()
            file, (line, column), value = _found(files, path)
            yield FieldError(
                file=str(file),
                line=line,
                column=column,
                path=path,
                value=value,
                message=f"{problem.message}.",
                fix=f"{problem.fix}." if problem.fix else "",
            )


def _found(files: tuple[Path, ...], path: tuple[str, ...]) -> tuple[Path, tuple[int, int], Any]:
    """The training's file, and the field's line, column and value; line 0 if the path is empty."""
    for file in files:
        for document in Documents(read_text(file)).found:
            if is_map(document.value) and document.value.get("kind") == "FederatedTraining":
                return file, document.spot_of(path) if path else (0, 0), document.at(path)
    return files[0], (0, 0), None
