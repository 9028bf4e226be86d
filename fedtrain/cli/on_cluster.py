"""Reading a file for a cluster: paths are paths in the pods, and objects that no file has are on the cluster."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fedtrain.api.reading import Federation, FieldError, Invalid, read_file
from fedtrain.cli.error_places import LocatedDocuments, error_at
from fedtrain.cli.policy_errors import refused_on_the_cluster

Json = dict[str, Any]


def read_for_cluster(files: tuple[Path, ...]) -> Federation:
    """Read the training from the first file. Policies and Participants in none of the files are expected on the
    cluster. Raises Invalid with every error that the API server, the operator or a policy would report."""
    federation = read_file(*files, elsewhere=True, policies_elsewhere=True)
    documents = LocatedDocuments(files)
    if refused := [*_refused(federation, documents), *refused_on_the_cluster(federation, documents)]:
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
        held = [dataset.name for dataset in policy.spec.datasets] if policy else list(spec.data.names)
        found[who] = {
            "spec": {"namespace": namespace_of(federation, who), "allowedNamespaces": allowed},
            "status": {"datasets": [{"name": name} for name in held]},
        }
    return found


def _refused(federation: Federation, documents: LocatedDocuments) -> Iterator[FieldError]:
    """Errors of the operator for a training that the API server accepts, each with the line of its field."""
    from fedtrain.manifests.admission import RULES, Here

    here, records = Here(federation.training.metadata.namespace), records_of(federation)
    for rule in RULES:
        for problem in rule(federation.training.spec, here, records):
            path = tuple(problem.field.split(".")) if problem.field else ()
            place = documents.find("FederatedTraining")
            yield error_at(place, path, f"{problem.message}.", f"{problem.fix}." if problem.fix else "")
