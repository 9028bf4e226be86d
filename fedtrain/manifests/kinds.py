"""The kinds that the operator reads and writes, by their addresses in the API."""

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
"""An object of the API as it travels."""


@dataclass(frozen=True, order=True)
class Kind:
    """`path` is `apis/<group>/<version>` or `api/v1`. `is_ours`: fedtrain follows only the objects with its label."""

    path: str
    plural: str
    name: str
    namespaced: bool = True
    is_ours: bool = False

    @property
    def api_version(self) -> str:
        return self.path.removeprefix("apis/").removeprefix("api/")

    @property
    def group(self) -> str:
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        return self.api_version.rpartition("/")[2]


TRAINING = Kind("apis/fedtrain.dev/v1alpha1", "federatedtrainings", "FederatedTraining")
TASK = Kind("apis/fedtrain.dev/v1alpha1", "trainingtasks", "TrainingTask", is_ours=True)
POLICY = Kind("apis/fedtrain.dev/v1alpha1", "participantpolicies", "ParticipantPolicy")
PARTICIPANT = Kind("apis/fedtrain.dev/v1alpha1", "participants", "Participant", namespaced=False)
PYTORCH_JOB = Kind("apis/kubeflow.org/v1", "pytorchjobs", "PyTorchJob", is_ours=True)
JOB = Kind("apis/batch/v1", "jobs", "Job", is_ours=True)
POD = Kind("api/v1", "pods", "Pod")
SECRET = Kind("api/v1", "secrets", "Secret")
SERVICE_ACCOUNT = Kind("api/v1", "serviceaccounts", "ServiceAccount")
EVENT = Kind("api/v1", "events", "Event")
CONFIG_MAP = Kind("api/v1", "configmaps", "ConfigMap")


@dataclass(frozen=True, order=True)
class Ref:
    """Which object of a kind; `namespace` is empty for kinds of the whole cluster."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def ref(body: Json) -> Ref:
    metadata = body["metadata"]
    return Ref(metadata.get("namespace", ""), metadata["name"])
