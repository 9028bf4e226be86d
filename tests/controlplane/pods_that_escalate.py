"""Jobs with one pod changed such that it could escalate: foreign images, Secrets, ServiceAccounts, host access."""

import copy
from collections.abc import Callable
from typing import Any

from hack.cluster.api import Json
from tests.unit.operator.worlds import SETTINGS


def pods_of(body: Json) -> list[Json]:
    """The pod specs of a Job or of a PyTorchJob."""
    if body["kind"] == "Job":
        return [body["spec"]["template"]["spec"]]
    return [replica["template"]["spec"] for replica in body["spec"]["pytorchReplicaSpecs"].values()]


def changed(body: Json, change: Callable[[Json], None]) -> Json:
    """The Job or PyTorchJob with one pod changed: the last, which of a PyTorchJob is a worker."""
    made = copy.deepcopy(body)
    change(pods_of(made)[-1])
    return made


def image(reference: str) -> Callable[[Json], None]:
    return lambda pod: pod["containers"][0].update(image=reference)


def volume(source: Json, name: str = "more") -> Callable[[Json], None]:
    def change(pod: Json) -> None:
        pod["volumes"] = [one for one in pod["volumes"] if one["name"] != name] + [{"name": name, **source}]

    return change


def of_main(**fields: Any) -> Callable[[Json], None]:
    return lambda pod: pod["containers"][0].update(fields)


def security(**fields: Any) -> Callable[[Json], None]:
    return lambda pod: pod["containers"][0]["securityContext"].update(fields)


PROJECTED = {"projected": {"sources": [{"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}}]}}


FOREIGN = {"name": "foreign"}


ENTRY = {"key": "a", "path": "a"}


KEY = {"name": "X", "valueFrom": {"secretKeyRef": {"name": "foreign", "key": "password"}}}


SIDECAR = {"name": "more", "image": SETTINGS.trainer_image}


PODS_THAT_ESCALATE: dict[str, Callable[[Json], None]] = {
    "another ServiceAccount": lambda pod: pod.update(serviceAccountName="admin"),
    "another ServiceAccount, by the field's old name": lambda pod: pod.update(serviceAccount="admin"),
    "a ServiceAccount's token": lambda pod: pod.update(automountServiceAccountToken=True),
    "a ServiceAccount's token by default": lambda pod: pod.pop("automountServiceAccountToken"),
    "a ServiceAccount's token in a volume": volume(PROJECTED),
    "another image": image("example.org/foreign:1"),
    "an init container": lambda pod: pod.update(initContainers=[SIDECAR]),
    "a second container": lambda pod: pod["containers"].append(SIDECAR),
    "the node's network": lambda pod: pod.update(hostNetwork=True),
    "the node's processes": lambda pod: pod.update(hostPID=True),
    "the node's IPC": lambda pod: pod.update(hostIPC=True),
    "a privileged container": security(privileged=True, allowPrivilegeEscalation=True),
    "privilege escalation": security(allowPrivilegeEscalation=True),
    "no container security context": lambda pod: pod["containers"][0].pop("securityContext"),
    "root": lambda pod: pod["securityContext"].update(runAsNonRoot=False),
    "root in the container": security(runAsNonRoot=False),
    "an added capability": security(capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]}),
    "the node's files": volume({"hostPath": {"path": "/"}}),
    "the node's files under an allowed name": volume({"hostPath": {"path": "/"}}, "cache"),
    "another source under an allowed name": volume({"hostPath": {"path": "/"}}, "data"),
    "another claim under an allowed name": volume({"persistentVolumeClaim": {"claimName": "other"}}, "data"),
    "a Secret as a volume": volume({"secret": {"secretName": "foreign"}}),
    "a Secret under an allowed name": volume({"secret": {"secretName": "foreign"}}, "authority"),
    "a Secret as the credentials of the ledger": volume({"secret": {"secretName": "foreign"}}, "ledger-credentials"),
    "a Secret as the signed requests": volume({"secret": {"secretName": "foreign", "items": [ENTRY]}}, "transfer"),
    "the signed requests of all tasks": volume({"secret": {"secretName": "fedtrain-transfer"}}, "transfer"),
    "the signed requests of two tasks": volume(
        {"secret": {"secretName": "fedtrain-transfer", "items": [ENTRY, {"key": "b", "path": "b"}]}}, "transfer"
    ),
    "a Secret as the fingerprint key": volume({"secret": {"secretName": "foreign"}}, "fingerprint-credentials"),
    "a Secret as the noise key": volume({"secret": {"secretName": "foreign"}}, "noise-credentials"),
    "a Secret as the credentials of the data": volume({"secret": {"secretName": "foreign"}}, "data-credentials"),
    "a Secret as the credentials of a mix's second data set": volume(
        {"secret": {"secretName": "foreign"}}, "data-2-credentials"
    ),
    "the node's files as the credentials of a mix's second data set": volume(
        {"hostPath": {"path": "/"}}, "data-2-credentials"
    ),
    "a listed Secret under a name that only begins like a data set's": volume(
        {"secret": {"secretName": "rows"}}, "data-2-credentials-of-others"
    ),
    "the signed requests elsewhere": volume(
        {"secret": {"secretName": "fedtrain-transfer", "items": [ENTRY]}}, "more-requests"
    ),
    "the node's files as credentials": volume({"hostPath": {"path": "/"}}, "base-credentials"),
    "a Secret in an allowed projected volume": volume({"projected": {"sources": [{"secret": FOREIGN}]}}, "bundle"),
    "a Secret of an allowed file share": volume({"azureFile": {"shareName": "x", "secretName": "foreign"}}, "share"),
    "a Secret of an allowed CSI volume": volume({"csi": {"driver": "vault", "nodePublishSecretRef": FOREIGN}}, "vault"),
    "a Secret of an allowed file system": volume({"cephfs": {"monitors": ["m"], "secretRef": FOREIGN}}, "files"),
    "a Secret as variables": of_main(envFrom=[{"secretRef": FOREIGN}]),
    "a Secret's key as a variable": of_main(env=[KEY]),
}
