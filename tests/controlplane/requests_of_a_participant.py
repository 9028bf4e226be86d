"""What a participant's token does not allow at the hub: requests, by a name each. `bank-i` is the participant."""

from typing import Any

from fedtrain.manifests import labels
from fedtrain.manifests.invitation import ACCOUNT, TOKEN_HOURS
from hack.cluster.api import Json
from tests.controlplane.joining import order
from tests.controlplane.training import JOBS, PARTICIPANTS, POLICIES, PYTORCHJOBS, TASKS, TRAININGS, document

OTHER = "bank-s"

SECRETS, ACCOUNTS, PODS = "v1/secrets", "v1/serviceaccounts", "v1/pods"

RBAC = "rbac.authorization.k8s.io/v1"

LEASES = "coordination.k8s.io/v1/leases"

FEDTRAIN = "/apis/fedtrain.dev/v1alpha1/namespaces"
ALL_TASKS = "/apis/fedtrain.dev/v1alpha1/trainingtasks"
OWN_SECRETS = "/api/v1/namespaces/bank-i/secrets"
BY_NAME = f"metadata.name%3D{labels.TRANSFER_SECRET}"


def named(**content: Any) -> Json:
    return {"metadata": {"name": "new"}, **content}


TOKEN: Json = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}


def lasting(seconds: int, **spec: Any) -> Json:
    return {**TOKEN, "spec": {"expirationSeconds": seconds, **spec}}


TO_ME = {"subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": "bank-i"}]}
ADMIN = {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}}
POD = {"spec": {"containers": [{"name": "x", "image": "x"}]}}
ATTEMPTS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "list another's tasks": ("list", (TASKS, OTHER)),
    "read another's task": ("get", (TASKS, "one", OTHER)),
    "list all tasks": ("list", (TASKS,)),
    "write another's status": ("patch", (TASKS, "one", {"status": {"phase": "Failed"}}, OTHER, "status")),
    "cancel another's task": ("patch", (TASKS, "one", {"spec": {"desiredState": "Cancel"}}, OTHER)),
    "delete another's task": ("delete", (TASKS, "one", OTHER)),
    "create a task for another": ("create", (TASKS, order("new", OTHER), OTHER)),
    "create an own task": ("create", (TASKS, order("new", "bank-i"), "bank-i")),
    "change the own task": ("patch", (TASKS, "one", {"spec": {"desiredState": "Cancel"}}, "bank-i")),
    "relabel the own task": ("patch", (TASKS, "one", {"metadata": {"labels": {"a": "b"}}}, "bank-i")),
    "delete the own task": ("delete", (TASKS, "one", "bank-i")),
    "list participants": ("list", (PARTICIPANTS,)),
    "read the own Participant": ("get", (PARTICIPANTS, "bank-i")),
    "read another Participant": ("get", (PARTICIPANTS, OTHER)),
    "write another Participant's status": ("patch", (PARTICIPANTS, OTHER, {"status": {"version": "0"}}, "", "status")),
    "change who may use it": ("patch", (PARTICIPANTS, "bank-i", {"spec": {"allowedNamespaces": ["*"]}})),
    "change another Participant": ("patch", (PARTICIPANTS, OTHER, {"spec": {"namespace": "bank-i"}})),
    "create a Participant": (
        "create",
        (PARTICIPANTS, document("Participant", "new", {"namespace": OTHER, "allowedNamespaces": ["*"]})),
    ),
    "delete the own Participant": ("delete", (PARTICIPANTS, "bank-i")),
    "delete another Participant": ("delete", (PARTICIPANTS, OTHER)),
    "list the own namespace's Secrets": ("list", (SECRETS, "bank-i")),
    "read a Secret in the own namespace": ("get", (SECRETS, "keys", "bank-i")),
    "create a Secret in the own namespace": ("create", (SECRETS, named(), "bank-i")),
    "change the signed requests": ("patch", (SECRETS, labels.TRANSFER_SECRET, {"data": {}}, "bank-i")),
    "delete the signed requests": ("delete", (SECRETS, labels.TRANSFER_SECRET, "bank-i")),
    "read another's signed requests": ("get", (SECRETS, labels.TRANSFER_SECRET, OTHER)),
    "write another's signed requests": ("patch", (SECRETS, labels.TRANSFER_SECRET, {"data": {}}, OTHER)),
    "list another's Secrets": ("list", (SECRETS, OTHER)),
    "read another's Secret": ("get", (SECRETS, "keys", OTHER)),
    "read the ledger's keys": ("get", (SECRETS, "federation-store", "isolated-hub")),
    "list all Secrets": ("list", (SECRETS,)),
    "list trainings": ("list", (TRAININGS,)),
    "list trainings of a namespace": ("list", (TRAININGS, "isolated-hub")),
    "create a training": ("create", (TRAININGS, document("FederatedTraining", "new", {}), "bank-i")),
    "list policies": ("list", (POLICIES, "bank-i")),
    "list Leases": ("list", (LEASES, "bank-i")),
    "create a Lease": ("create", (LEASES, named(), "bank-i")),
    "list pods": ("list", (PODS, "bank-i")),
    "create a pod": ("create", (PODS, named(**POD), "bank-i")),
    "create a Job": ("create", (JOBS, named(spec={"template": POD}), "bank-i")),
    "create a PyTorchJob": ("create", (PYTORCHJOBS, named(), "bank-i")),
    "list ConfigMaps": ("list", ("v1/configmaps", "bank-i")),
    "list events": ("list", ("v1/events", "bank-i")),
    "list namespaces": ("list", ("v1/namespaces",)),
    "read another's namespace": ("get", ("v1/namespaces", OTHER)),
    "delete the own namespace": ("delete", ("v1/namespaces", "bank-i")),
    "list nodes": ("list", ("v1/nodes",)),
    "list ServiceAccounts": ("list", (ACCOUNTS, "bank-i")),
    "change the own ServiceAccount": ("patch", (ACCOUNTS, ACCOUNT, {"metadata": {"labels": {"a": "b"}}}, "bank-i")),
    "a token of another ServiceAccount": ("create", (f"{ACCOUNTS}/default/token", TOKEN, "bank-i")),
    "a token of another participant": ("create", (f"{ACCOUNTS}/{ACCOUNT}/token", TOKEN, OTHER)),
    "a token of the hub's operator": ("create", (f"{ACCOUNTS}/fedtrain/token", TOKEN, "fedtrain")),
    "an own token for longer than invited": (
        "create",
        (f"{ACCOUNTS}/{ACCOUNT}/token", lasting(TOKEN_HOURS * 3600 + 1), "bank-i"),
    ),
    "an own token that lasts at other audiences": (
        "create",
        (f"{ACCOUNTS}/{ACCOUNT}/token", lasting(2**32, audiences=["sts.example.org"]), "bank-i"),
    ),
    "more rights in the own namespace": ("create", (f"{RBAC}/rolebindings", named(**TO_ME, **ADMIN), "bank-i")),
    "more rights in the cluster": ("create", (f"{RBAC}/clusterrolebindings", named(**TO_ME, **ADMIN))),
    "a wider Role": ("patch", (f"{RBAC}/roles", ACCOUNT, {"rules": []}, "bank-i")),
    "a wider ClusterRole": ("patch", (f"{RBAC}/clusterroles", f"{ACCOUNT}:bank-i", {"rules": []})),
    "list ClusterRoles": ("list", (f"{RBAC}/clusterroles",)),
    "watch another's tasks": ("_call", ("GET", f"{FEDTRAIN}/{OTHER}/trainingtasks?watch=1")),
    "delete all own tasks": ("_call", ("DELETE", f"{FEDTRAIN}/bank-i/trainingtasks")),
    "replace the own task": ("_call", ("PUT", f"{FEDTRAIN}/bank-i/trainingtasks/one", order("one", "bank-i"))),
    "act as an administrator": ("impersonate", ("system:admin",)),
    "act as another participant": ("impersonate", (f"system:serviceaccount:{OTHER}:{ACCOUNT}",)),
    "run a command in a pod of the hub": ("_call", ("POST", "/api/v1/namespaces/fedtrain/pods/x/exec?command=sh")),
    "read a log of the hub": ("_call", ("GET", "/api/v1/namespaces/fedtrain/pods/x/log")),
    "reach a service of the hub": ("_call", ("GET", "/api/v1/namespaces/fedtrain/services/x:8080/proxy/metrics")),
    "reach a node": ("_call", ("GET", "/api/v1/nodes/x/proxy/pods")),
    "ask for a certificate": ("create", ("certificates.k8s.io/v1/certificatesigningrequests", named())),
    "list CustomResourceDefinitions": ("list", ("apiextensions.k8s.io/v1/customresourcedefinitions",)),
    "list the own tasks in all namespaces": (
        "_call",
        ("GET", f"{ALL_TASKS}?fieldSelector=metadata.namespace%3Dbank-i"),
    ),
    "watch all tasks": ("_call", ("GET", "/apis/fedtrain.dev/v1alpha1/watch/trainingtasks")),
    "list another's tasks through the own namespace": ("_call", ("GET", f"{FEDTRAIN}/bank-i/../{OTHER}/trainingtasks")),
    "list another's tasks through an encoded path": (
        "_call",
        ("GET", f"{FEDTRAIN}/bank-i%2F..%2F{OTHER}/trainingtasks"),
    ),
    "replace the own task's status": ("_call", ("PUT", f"{FEDTRAIN}/bank-i/trainingtasks/one/status", {})),
    "read the own task's scale": ("_call", ("GET", f"{FEDTRAIN}/bank-i/trainingtasks/one/scale")),
    "scale the own task": ("patch", (TASKS, "one", {"spec": {"replicas": 2}}, "bank-i", "scale")),
    "try to create an own task": ("create", (TASKS, order("new", "bank-i"), "bank-i", True)),
    "delete own tasks by label": ("_call", ("DELETE", f"{FEDTRAIN}/bank-i/trainingtasks?labelSelector=a%3Db")),
    "write a policy's status": ("patch", (POLICIES, "bank-i", {"status": {}}, "bank-i", "status")),
    "write a training's status": ("patch", (TRAININGS, "tickets", {"status": {}}, "isolated-hub", "status")),
    "list the signed requests by name": ("_call", ("GET", f"{OWN_SECRETS}?fieldSelector={BY_NAME}")),
    "watch the signed requests": ("_call", ("GET", f"{OWN_SECRETS}?fieldSelector={BY_NAME}&watch=1")),
    "create an event": ("create", ("v1/events", named(involvedObject={"namespace": "bank-i"}), "bank-i")),
    "create an event in another API group": ("create", ("events.k8s.io/v1/events", named(), "bank-i")),
    "create an event about the cluster": ("create", ("v1/events", named(involvedObject={}), "default")),
    "create a ConfigMap": ("create", ("v1/configmaps", named(), "bank-i")),
    "bind a pod to a node": ("create", ("v1/bindings", named(target={"name": "x"}), "bank-i")),
    "evict a pod of the hub": ("_call", ("POST", "/api/v1/namespaces/fedtrain/pods/x/eviction", {})),
    "relabel the own namespace": ("patch", ("v1/namespaces", "bank-i", {"metadata": {"labels": {"a": "b"}}})),
    "finalize the own namespace": ("_call", ("PUT", "/api/v1/namespaces/bank-i/finalize", {})),
    "list NetworkPolicies": ("list", ("networking.k8s.io/v1/networkpolicies", "bank-i")),
    "ask what another may do": ("create", ("authorization.k8s.io/v1/subjectaccessreviews", {"spec": {"user": "x"}})),
    "ask what another may do here": (
        "create",
        ("authorization.k8s.io/v1/localsubjectaccessreviews", {"spec": {"user": "x"}}, "bank-i"),
    ),
    "ask whose a token is": ("create", ("authentication.k8s.io/v1/tokenreviews", {"spec": {"token": "x"}})),
    "list admission policies": ("list", ("admissionregistration.k8s.io/v1/validatingadmissionpolicies",)),
    "list the limits of requests": ("list", ("flowcontrol.apiserver.k8s.io/v1/flowschemas",)),
    "approve a certificate": ("patch", ("certificates.k8s.io/v1/certificatesigningrequests", "x", {}, "", "approval")),
    "read the API server's metrics": ("_call", ("GET", "/metrics")),
    "read the API server's memory": ("_call", ("GET", "/debug/pprof/heap")),
}
