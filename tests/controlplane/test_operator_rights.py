"""The operator's ServiceAccount token does not allow to escalate: RBAC and the chart's admission policies refuse it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fedtrain.manifests import labels
from hack.cluster.api import Api, Json, Refused
from hack.cluster.control_plane import ControlPlane
from hack.cluster.eventually import eventually
from hack.cluster.kubeconfig import Credentials
from hack.cluster.s3_server import S3Server
from tests.controlplane.binding import BINDINGS, bind
from tests.controlplane.objects_of_fedtrain import MIX, PLACES, job, pytorch_job
from tests.controlplane.pods_that_escalate import PODS_THAT_ESCALATE, changed, image, pods_of, volume
from tests.controlplane.training import JOBS, POLICIES, PYTORCHJOBS, SECRET, TASKS, Federation, document, quickstart
from tests.support.operating import Operator

BOUND, UNBOUND = "rights-bound", "rights-unbound"
SECRETS = "v1/secrets"
TOKEN = "kubernetes.io/service-account-token"
MINTED = {"annotations": {"kubernetes.io/service-account.name": "admin"}}
"""What a Secret of that type needs."""
PODS: Json = {
    "serviceAccountName": "trainer",
    "volumes": [
        {"name": "data", "persistentVolumeClaim": {"claimName": "rows"}},
        {"name": "cache", "hostPath": {"path": "/var/cache/models"}},
        {"name": "authority", "secret": {"secretName": "authority"}},
        {"name": "bundle", "projected": {"sources": [{"secret": {"name": "bundle"}}, {"configMap": {"name": "ca"}}]}},
        {"name": "share", "azureFile": {"shareName": "rows", "secretName": "share"}},
        {"name": "vault", "csi": {"driver": "vault", "nodePublishSecretRef": {"name": "vault"}}},
        {"name": "files", "cephfs": {"monitors": ["m"], "secretRef": {"name": "files"}}},
    ],
    "env": [{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token"}}}],
}
"""The policy of the bound namespace's owner."""


@pytest.fixture(scope="module")
def account(kinds: ControlPlane, operator_account: Credentials) -> Api:
    """The API as the operator of a release with `mode: Cluster`; two namespaces, one of which is bound."""
    api, operator = kinds.api, Api(operator_account)
    for namespace in (BOUND, UNBOUND):
        api.create("v1/namespaces", {"metadata": {"name": namespace}})
        api.create("v1/serviceaccounts", {"metadata": {"name": "admin"}}, namespace)
        api.create(SECRETS, {"metadata": {"name": "foreign"}, "stringData": {"password": "x"}}, namespace)
        api.create(SECRETS, {"metadata": {"name": SECRET}, "stringData": {"password": "x"}}, namespace)
        made = {"metadata": {"name": "token", "annotations": {"kubernetes.io/service-account.name": "admin"}}}
        api.create(SECRETS, {**made, "type": TOKEN}, namespace)
    bind(api, BOUND, "training", "participant")
    api.create(POLICIES, document("ParticipantPolicy", "bank-a", {**PLACES, "pods": PODS}), BOUND)
    eventually(lambda: _allowed(operator, SECRETS, secret()))  # the role is known
    noise = volume({"secret": {"secretName": "noise"}}, "noise-credentials")
    eventually(lambda: _allowed(operator, PYTORCHJOBS, changed(pytorch_job(BOUND, PODS), noise)))
    eventually(lambda: not _allowed(operator, SECRETS, secret() | {"type": TOKEN}))  # and so are the policies
    eventually(lambda: not _allowed(operator, JOBS, changed(job(BOUND), image("example.org/foreign:1"))))
    eventually(
        lambda: not _allowed(operator, PYTORCHJOBS, changed(pytorch_job(BOUND, PODS), image("example.org/foreign:1")))
    )
    return operator


def _allowed(account: Api, resource: str, body: Json) -> bool:
    try:
        account.create(resource, body, BOUND, dry_run=True)
    except Refused:
        return False
    return True


def secret(**metadata: Any) -> Json:
    return {"metadata": {"name": labels.TRANSFER_SECRET, "labels": labels.OURS, **metadata}}


OBJECTS: dict[str, tuple[str, Callable[[], Json]]] = {
    "Job": (JOBS, lambda: job(BOUND)),
    "PyTorchJob": (PYTORCHJOBS, lambda: pytorch_job(BOUND, PODS)),
}


@pytest.mark.parametrize("kind", OBJECTS)
def test_allow_the_jobs_that_fedtrain_makes(account: Api, kind: str) -> None:
    resource, made = OBJECTS[kind]
    account.create(resource, made(), BOUND, dry_run=True)


def test_allow_each_data_set_of_a_mix_its_own_secret(account: Api) -> None:
    made = pytorch_job(BOUND, PODS, data=MIX)
    mounted = {one["name"]: one["secret"]["secretName"] for one in pods_of(made)[-1]["volumes"] if "secret" in one}
    assert (mounted["data-credentials"], mounted["data-2-credentials"]) == ("rows", "notes")
    account.create(PYTORCHJOBS, made, BOUND, dry_run=True)


@pytest.mark.parametrize("escalation", PODS_THAT_ESCALATE)
@pytest.mark.parametrize("kind", OBJECTS)
def test_refuse_jobs_whose_pods_escalate(account: Api, kind: str, escalation: str) -> None:
    resource, made = OBJECTS[kind]
    with pytest.raises(Refused) as refusal:
        account.create(resource, changed(made(), PODS_THAT_ESCALATE[escalation]), BOUND, dry_run=True)
    assert refusal.value.code == 403
    assert "ValidatingAdmissionPolicy" in str(refusal.value)


def test_refuse_jobs_without_fedtrains_label(account: Api) -> None:
    for resource, made in OBJECTS.values():
        body = made()
        body["metadata"]["labels"].pop(labels.MANAGED_BY)
        assert refused(account.create, resource, body, BOUND)


@pytest.mark.usefixtures("account")
def test_leave_the_jobs_and_secrets_of_other_users_alone(kinds: ControlPlane) -> None:
    for resource, made in OBJECTS.values():
        body = changed(made(), image("example.org/foreign:1"))
        body["metadata"] = {"name": "theirs", "namespace": UNBOUND}
        kinds.api.create(resource, body, UNBOUND, dry_run=True)
    kinds.api.create(SECRETS, {"metadata": {"name": "theirs"}}, UNBOUND, dry_run=True)


def test_allow_the_volume_claim_of_the_policys_spool_and_no_other(account: Api, kinds: ControlPlane) -> None:
    spool = {"spool": {"volumeClaim": "spool"}}
    kinds.api.patch(POLICIES, "bank-a", {"spec": spool}, BOUND)
    try:
        made = pytorch_job(BOUND, PODS, **spool)
        eventually(lambda: _allowed(account, PYTORCHJOBS, made))
        other = volume({"persistentVolumeClaim": {"claimName": "other"}}, "spool")
        assert refused(account.create, PYTORCHJOBS, changed(made, other), BOUND)
    finally:
        kinds.api.patch(POLICIES, "bank-a", {"spec": {"spool": None}}, BOUND)


def test_refuse_jobs_in_a_namespace_without_a_policy(account: Api, kinds: ControlPlane) -> None:
    namespace = "rights-without-policy"
    kinds.api.create("v1/namespaces", {"metadata": {"name": namespace}})
    bind(kinds.api, namespace, "participant")
    body = pytorch_job(namespace, {})
    eventually(lambda: _may(account, "create", "kubeflow.org", "pytorchjobs", namespace))
    with pytest.raises(Refused, match="no params found"):
        account.create(PYTORCHJOBS, body, namespace, dry_run=True)


def test_refuse_secrets_other_than_the_signed_requests(account: Api) -> None:
    account.create(SECRETS, secret(), BOUND, dry_run=True)
    assert refused(account.create, SECRETS, secret(name="fedtrain-other"), BOUND)
    assert refused(account.create, SECRETS, {**secret(**MINTED), "type": TOKEN}, BOUND)
    assert refused(account.create, SECRETS, {**secret(), "type": "bootstrap.kubernetes.io/token"}, BOUND)
    assert refused(account.create, SECRETS, secret(labels={}), BOUND)
    for name in ("foreign", "token", SECRET):
        assert refused(account.patch, SECRETS, name, {"metadata": {"labels": labels.OURS}}, BOUND)
        assert refused(account.delete, SECRETS, name, BOUND)


def test_make_the_secret_of_the_fingerprints_key(account: Api) -> None:
    name = labels.FINGERPRINT_SECRET
    account.create(SECRETS, secret(name=name), BOUND, dry_run=True)
    assert refused(account.create, SECRETS, {**secret(name=name, **MINTED), "type": TOKEN}, BOUND)
    assert refused(account.create, SECRETS, secret(name=f"{name}-2"), BOUND)


def test_read_the_store_credentials_and_no_other_secret(account: Api) -> None:
    assert account.get(SECRETS, SECRET, BOUND)
    for name in ("foreign", "token"):
        assert refused(account.get, SECRETS, name, BOUND)
    assert refused(account.list, SECRETS, BOUND)
    assert refused(account.list, SECRETS)


def test_refuse_every_write_in_a_namespace_without_a_role_binding(account: Api) -> None:
    assert refused(account.get, SECRETS, SECRET, UNBOUND)
    assert refused(account.create, SECRETS, secret(), UNBOUND)
    assert refused(account.delete, SECRETS, "foreign", UNBOUND)
    for resource, made in OBJECTS.values():
        body = made()
        body["metadata"]["namespace"] = UNBOUND
        assert refused(account.create, resource, body, UNBOUND)
    assert refused(account.create, TASKS, {"metadata": {"name": "mine"}}, UNBOUND)
    assert refused(account.list, "v1/pods", UNBOUND)


@pytest.mark.parametrize("namespace", [BOUND, UNBOUND])
def test_refuse_to_grant_rights_or_to_run_pods_directly(account: Api, namespace: str) -> None:
    binding = {
        "metadata": {"name": "mine"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "fedtrain", "namespace": "fedtrain"}],
    }
    rbac = "rbac.authorization.k8s.io/v1"
    role = {"metadata": {"name": "mine"}, "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}
    assert refused(account.create, BINDINGS, binding, namespace)
    assert refused(account.create, f"{rbac}/clusterrolebindings", binding)
    assert refused(account.create, f"{rbac}/roles", role, namespace)
    assert refused(account.create, f"{rbac}/clusterroles", role)
    assert refused(account.patch, f"{rbac}/clusterroles", "fedtrain:fedtrain", {"rules": role["rules"]})
    assert refused(account.create, "v1/pods", {"metadata": {"name": "mine"}}, namespace)
    assert refused(account.create, "v1/serviceaccounts", {"metadata": {"name": "mine"}}, namespace)
    assert refused(account.create, "apps/v1/deployments", {"metadata": {"name": "mine"}}, namespace)
    policies = "admissionregistration.k8s.io/v1/validatingadmissionpolicies"
    assert refused(account.list, policies)


@pytest.mark.parametrize(
    ("verb", "group", "resource", "subresource"),
    [
        ("create", "", "pods", "exec"),
        ("get", "", "pods", "exec"),
        ("get", "", "pods", "log"),
        ("create", "", "pods", "attach"),
        ("create", "", "pods", "portforward"),
        ("patch", "", "pods", "ephemeralcontainers"),
        ("create", "", "serviceaccounts", "token"),
        ("impersonate", "", "serviceaccounts", ""),
        ("impersonate", "", "users", ""),
        ("escalate", "rbac.authorization.k8s.io", "roles", ""),
        ("escalate", "rbac.authorization.k8s.io", "clusterroles", ""),
        ("bind", "rbac.authorization.k8s.io", "roles", ""),
        ("bind", "rbac.authorization.k8s.io", "clusterroles", ""),
        ("create", "certificates.k8s.io", "certificatesigningrequests", ""),
        ("get", "", "nodes", "proxy"),
        ("patch", "", "namespaces", ""),
        ("update", "fedtrain.dev", "participantpolicies", ""),
        ("update", "fedtrain.dev", "participants", ""),
        ("delete", "admissionregistration.k8s.io", "validatingadmissionpolicies", ""),
    ],
)
def test_have_no_right_that_escalates(account: Api, verb: str, group: str, resource: str, subresource: str) -> None:
    for namespace in (BOUND, UNBOUND, ""):
        wish = {"verb": verb, "group": group, "resource": resource, "subresource": subresource, "namespace": namespace}
        review = {"spec": {"resourceAttributes": wish}}
        answer = account.create("authorization.k8s.io/v1/selfsubjectaccessreviews", review)
        assert not answer["status"]["allowed"], wish


def refused(act: Callable[..., Any], *arguments: Any) -> bool:
    with pytest.raises(Refused) as refusal:
        act(*arguments)
    return refusal.value.code == 403


def test_open_the_namespaces_of_the_quickstart_with_its_manifests(
    account: Api, kinds: ControlPlane, tmp_path: Path
) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}
    folder = quickstart(tmp_path, keys, keys)
    kinds.kubectl("apply", "--server-side", "--kustomize", folder)
    wishes = [("create", "batch", "jobs", "default"), ("get", "", "secrets", "default")]
    for namespace in ("zoo", "museum", "botanic-garden", "observatory"):
        wishes += [("create", "kubeflow.org", "pytorchjobs", namespace), ("create", "", "secrets", namespace)]
    eventually(lambda: all(_may(account, *wish) for wish in wishes))
    kinds.kubectl("delete", "--kustomize", folder, "--wait=false")


def _may(account: Api, verb: str, group: str, resource: str, namespace: str) -> bool:
    wish = {"verb": verb, "group": group, "resource": resource, "namespace": namespace, "name": SECRET}
    review = {"spec": {"resourceAttributes": wish}}
    return account.create("authorization.k8s.io/v1/selfsubjectaccessreviews", review)["status"]["allowed"]


def test_report_a_secret_that_the_operator_is_not_allowed_to_read(
    operator_kubeconfig: Path, federation: Federation, api: Api, s3_server: S3Server, zygote: str, tmp_path: Path
) -> None:
    api.create(SECRETS, {"metadata": {"name": "other"}}, federation.namespace)
    storage = federation.bucket(s3_server)
    storage["s3"]["credentialsSecretRef"]["name"] = "other"
    with Operator(operator_kubeconfig, tmp_path, zygote):
        federation.apply(api, s3_server, storage=storage)
        eventually(lambda: federation.condition(api, "StoreReachable").get("status") == "False")
        condition = federation.condition(api, "StoreReachable")
        federation.delete(api)
    assert condition["reason"] == "NoCredentials"
    assert "rbac.credentialsSecretNames" in condition["message"]
