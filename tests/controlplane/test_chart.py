"""The chart on a real API server: the operator's rights suffice and do not exceed its needs; upgrade and uninstall."""

import urllib.request
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fedtrain.manifests.labels import TRANSFER_SECRET
from hack.cluster.api import Api, Refused
from hack.cluster.control_plane import ControlPlane
from hack.cluster.eventually import eventually
from hack.cluster.processes import ProgramFailed
from hack.cluster.s3_server import S3Server
from hack.cluster.tools import file_of
from tests.controlplane.chart import HelmRefused, Release, run_as_pod
from tests.controlplane.pods import Pods
from tests.controlplane.training import (
    JOBS,
    PARTICIPANTS,
    POLICIES,
    PYTORCHJOBS,
    SECRET,
    TASKS,
    TRAININGS,
    Digests,
    Federation,
    digests,
)
from tests.support.operating import Operator

OFTEN = {"RESYNC_SECONDS": "2", "HEARTBEAT_SECONDS": "2"}
"""Short intervals, so that periodic reads happen during a test: they need rights, too."""
CRDS = "apiextensions.k8s.io/v1/customresourcedefinitions"
TEST_POD = "app.kubernetes.io/component=test"
UNINSTALL_POD = "app.kubernetes.io/component=uninstall"


@pytest.fixture(scope="module")
def federation(banks: Federation, api: Api, s3_server: S3Server) -> Federation:
    """Bucket and Secret exist; the training does not."""
    return Federation(banks.folder, "chart-trainings").prepare(api, s3_server)


@pytest.fixture(scope="module")
def coordinator(kinds: ControlPlane, federation: Federation) -> Release:
    """The coordinator only, in the namespaces of one federation."""
    made = Release(kinds, "chart-coordinator")
    served = [federation.namespace, *(f"at-{who}" for who in federation.who)]
    made.install(**namespaced(served, "coordinator"))
    bank = f"at-{federation.who[0]}"
    eventually(lambda: knows(Api(made.account()), (TASKS, bank), (TRAININGS, federation.namespace)))
    return made


@pytest.fixture(scope="module")
def participant(kinds: ControlPlane, federation: Federation) -> Release:
    """The participant only, in the namespaces of the banks."""
    made = Release(kinds, "chart-participant")
    made.install(**namespaced([f"at-{who}" for who in federation.who], "participant"))
    eventually(lambda: knows(Api(made.account()), *((TASKS, f"at-{who}") for who in federation.who)))
    return made


def namespaced(namespaces: list[str], *controllers: str) -> dict[str, Any]:
    return {
        "mode": "Namespaces",
        "namespaces": namespaces,
        "controllers": list(controllers),
        "crds.enabled": False,
        "metrics.enabled": False,
    }


def refused(act: Any, *arguments: Any) -> bool:
    with pytest.raises(Refused) as refusal:
        act(*arguments)
    return refusal.value.code == 403


def knows(account: Api, *lists: tuple[str, str]) -> bool:
    """Whether the API server has read the roles with which an account lists these resources in these namespaces."""
    with suppress(Refused):
        for resource, namespace in lists:
            account.list(resource, namespace)
        return True
    return False


def healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def beside(call: Callable[[], str]) -> Future[str]:
    """Run a helm command that waits for pods; the test plays the pods."""
    return ThreadPoolExecutor(1).submit(call)


def may(api: Api, user: str, verb: str, resource: str, namespace: str) -> bool:
    wish = {"verb": verb, "group": "fedtrain.dev", "resource": resource, "namespace": namespace}
    review = {"spec": {"user": user, "resourceAttributes": wish}}
    return api.create("authorization.k8s.io/v1/subjectaccessreviews", review)["status"]["allowed"]


@pytest.mark.slow
def test_finish_a_training_through_an_upgrade_with_one_release_per_controller(
    kinds: ControlPlane,
    coordinator: Release,
    participant: Release,
    federation: Federation,
    pods: Pods,
    s3_server: S3Server,
    undisturbed: Digests,
    tmp_path: Path,
) -> None:
    api = kinds.api
    pods.held = {"-aggregate-"}
    with Operator(participant.kubeconfig(tmp_path), tmp_path, **participant.settings(), **OFTEN) as operator:
        with Operator(coordinator.kubeconfig(tmp_path), tmp_path, **coordinator.settings(), **OFTEN):
            federation.apply(api, s3_server)
            eventually(lambda: api.list(JOBS, federation.namespace, "fedtrain.dev/kind=Aggregate"), often=True)
        coordinator.upgrade(**{"images.operator.tag": "newer"})
        with Operator(coordinator.kubeconfig(tmp_path), tmp_path, **coordinator.settings(), **OFTEN):
            pods.held = set()
            url = f"http://fedtrain.{participant.namespace}.svc:8080/healthz"
            checking = beside(participant.test)
            said = run_as_pod(
                kinds, participant.namespace, TEST_POD, tmp_path, {url: f"http://127.0.0.1:{operator.health}/healthz"}
            )
            checking.result()
            assert "the operator is healthy" in said
            federation.succeeded(api)
            jobs = api.list(JOBS, federation.namespace, "fedtrain.dev/kind=Aggregate")
            images = {job["spec"]["template"]["spec"]["containers"][0]["image"].partition(":")[2] for job in jobs}
            assert "newer" in images
            federation.delete(api)
    assert digests(federation.ledger(s3_server)) == undisturbed
    assert federation.at_banks(api, TASKS) == []
    assert federation.signed(api) == {}


def test_refuse_participants_jobs_and_policies_to_a_coordinator(coordinator: Release, federation: Federation) -> None:
    account, bank = Api(coordinator.account()), f"at-{federation.who[0]}"
    account.list(TASKS, bank)
    assert account.get("v1/secrets", SECRET, federation.namespace)
    assert refused(account.create, PYTORCHJOBS, {"metadata": {"name": "mine"}}, bank)
    assert refused(account.list, PYTORCHJOBS, bank)
    assert refused(account.list, POLICIES, bank)
    assert refused(account.patch, TASKS, "any", {"status": {"phase": "Succeeded"}}, bank, "status")


def test_refuse_trainings_secrets_and_tasks_to_a_participant(participant: Release, federation: Federation) -> None:
    account, bank = Api(participant.account()), f"at-{federation.who[0]}"
    account.list(TASKS, bank)
    assert refused(account.create, TASKS, {"metadata": {"name": "mine"}}, bank)
    assert refused(account.list, TRAININGS, bank)
    assert refused(account.create, JOBS, {"metadata": {"name": "mine"}}, bank)
    assert refused(account.list, "v1/secrets", bank)
    assert refused(account.get, "v1/secrets", "any", bank)
    assert refused(account.patch, "v1/secrets", TRANSFER_SECRET, {}, bank)
    assert refused(account.delete, "v1/secrets", "any", bank)


@pytest.mark.parametrize("resource", [TRAININGS, TASKS, JOBS, PYTORCHJOBS, "v1/pods", "v1/secrets"])
def test_refuse_everything_outside_the_namespaces_of_a_namespaced_release(
    coordinator: Release, participant: Release, resource: str
) -> None:
    for release in (coordinator, participant):
        for where in ("", "default", release.namespace):
            assert refused(Api(release.account()).list, resource, where)


@pytest.mark.usefixtures("operator_kubeconfig")
def test_refuse_lists_of_secrets_and_changes_of_participants_to_every_release(
    kinds: ControlPlane, coordinator: Release, participant: Release, federation: Federation
) -> None:
    for release in (Release(kinds, "fedtrain"), coordinator, participant):
        account = Api(release.account())
        assert refused(account.list, "v1/secrets", federation.namespace)
        assert refused(account.list, "v1/configmaps", federation.namespace)
        assert refused(account.patch, PARTICIPANTS, "bank-a", {"spec": {"namespace": "x"}})
        assert refused(account.create, "v1/pods", {"metadata": {"name": "mine"}}, federation.namespace)


def test_read_only_the_secrets_named_in_the_values(kinds: ControlPlane, federation: Federation) -> None:
    release = Release(kinds, "chart-secrets")
    values = {**namespaced([federation.namespace], "coordinator"), "rbac.credentialsSecretNames": [SECRET]}
    release.install(**values)
    account = Api(release.account())
    eventually(lambda: knows(account, (TRAININGS, federation.namespace)))
    kinds.api.create("v1/secrets", {"metadata": {"name": "other"}}, federation.namespace)
    assert account.get("v1/secrets", SECRET, federation.namespace)
    assert refused(account.get, "v1/secrets", "other", federation.namespace)
    assert refused(account.patch, "v1/secrets", "other", {}, federation.namespace)


@pytest.mark.usefixtures("operator_kubeconfig")
def test_aggregate_rights_to_the_viewers_editors_and_administrators_of_a_namespace(
    kinds: ControlPlane, federation: Federation
) -> None:
    api, here = kinds.api, federation.namespace
    for role in ("view", "edit", "admin"):
        kinds.kubectl("create", "rolebinding", f"chart-{role}", f"--clusterrole={role}", f"--user={role}", "-n", here)
    eventually(lambda: may(api, "edit", "create", "federatedtrainings", here))
    eventually(lambda: may(api, "admin", "update", "participantpolicies", here))
    eventually(lambda: may(api, "view", "watch", "trainingtasks", here))
    assert not may(api, "view", "create", "federatedtrainings", here)
    assert not may(api, "edit", "update", "participantpolicies", here)
    assert not may(api, "admin", "create", "trainingtasks", here)
    assert not may(api, "admin", "create", "participants", "")
    binding = ("create", "rolebinding", "opened", "--serviceaccount=fedtrain:fedtrain", "-n", here)
    for role in ("fedtrain-training-namespace", "fedtrain-participant-namespace"):
        kinds.kubectl(*binding, f"--clusterrole={role}", "--as=admin", "--dry-run=server")
    with pytest.raises(ProgramFailed, match="attempting to grant RBAC permissions not currently held"):
        kinds.kubectl(*binding, "--clusterrole=cluster-admin", "--as=admin", "--dry-run=server")


@pytest.mark.slow
def test_refuse_to_uninstall_while_trainings_exist_and_keep_kinds_and_participants(
    kinds: ControlPlane, banks: Federation, s3_server: S3Server, namespace: str, tmp_path: Path
) -> None:
    api, release = kinds.api, Release(kinds, "chart-leaving")
    release.install("--take-ownership", **{**namespaced([namespace], "coordinator"), "crds.enabled": True})
    training = Federation(banks.folder, namespace, "small")
    training.apply(api, s3_server)

    refusing = beside(release.uninstall)
    said = run_as_pod(kinds, release.namespace, UNINSTALL_POD, tmp_path, {})
    with pytest.raises(HelmRefused, match="fedtrain-uninstall"):
        refusing.result()
    assert f"1 FederatedTraining exists: {namespace}/small (Pending)." in said
    assert f"kubectl delete federatedtrainings --all -n {namespace}" in said
    assert f"helm uninstall {release.name} -n {release.namespace} --no-hooks" in said
    assert release.pod()["containers"]

    api.delete(TRAININGS, "small", namespace)
    leaving = beside(release.uninstall)
    assert "OK" in run_as_pod(kinds, release.namespace, UNINSTALL_POD, tmp_path, {})
    leaving.result()
    assert api.find("apps/v1/deployments", release.name, release.namespace) is None
    assert api.find(CRDS, "federatedtrainings.fedtrain.dev") is not None
    assert api.find(PARTICIPANTS, "bank-a") is not None


@pytest.mark.slow
def test_print_the_command_that_makes_a_release_upgradable_after_a_refused_uninstall(
    kinds: ControlPlane, banks: Federation, s3_server: S3Server, namespace: str, tmp_path: Path
) -> None:
    release = Release(kinds, "chart-staying")
    release.install(**namespaced([namespace], "coordinator"))
    release.upgrade(**{"images.operator.tag": "newer"})
    Federation(banks.folder, namespace, "small").apply(kinds.api, s3_server)
    refusing = beside(release.uninstall)
    said = run_as_pod(kinds, release.namespace, UNINSTALL_POD, tmp_path, {})
    with pytest.raises(HelmRefused):
        refusing.result()
    with pytest.raises(HelmRefused, match="has no deployed releases"):  # Helm marks it before it runs the hook
        release.upgrade()
    (cure,) = [line.strip() for line in said.splitlines() if line.strip().startswith("helm rollback")]
    release.run(cure)
    release.upgrade(**{"resyncSeconds": 60})
    assert release.pod()["containers"][0]["image"].endswith(":newer")
    kinds.api.delete(TRAININGS, "small", namespace)


def test_give_up_and_clean_up_a_hook_whose_image_cannot_be_pulled(kinds: ControlPlane, namespace: str) -> None:
    api, release = kinds.api, Release(kinds, "chart-imageless")
    release.install(**namespaced([namespace], "coordinator"))
    leaving = beside(release.uninstall)
    job = eventually(lambda: api.find(JOBS, "fedtrain-uninstall", release.namespace))
    assert 0 < job["spec"]["activeDeadlineSeconds"] < 300  # helm's own --timeout, whose message names no cause
    stays = job["spec"]["ttlSecondsAfterFinished"]
    sooner = {"spec": {"activeDeadlineSeconds": 1, "ttlSecondsAfterFinished": stays // 200}}
    api.patch(JOBS, "fedtrain-uninstall", sooner, release.namespace)
    with pytest.raises(HelmRefused, match="fedtrain-uninstall failed: DeadlineExceeded"):
        leaving.result()
    eventually(lambda: api.find(JOBS, "fedtrain-uninstall", release.namespace) is None)
    release.uninstall("--no-hooks")


def test_print_notes_for_an_installation_and_for_an_upgrade(kinds: ControlPlane, namespace: str) -> None:
    release = Release(kinds, "chart-notes")
    installed = release.install(**namespaced([namespace], "coordinator"))
    upgraded = release.upgrade()
    for notes in (installed, upgraded):
        assert f"helm -n {release.namespace} test {release.name}" in notes
    assert "kubectl apply -f federation.yaml" in installed
    assert "kubectl apply" not in upgraded
    assert "Runs continue" in upgraded


@pytest.mark.slow
def test_wait_for_missing_kinds_with_a_message_and_delete_fedtrains_kinds_on_uninstall(
    tmp_path: Path,
) -> None:
    with ControlPlane(tmp_path / "plane", training_operator=False) as plane:
        release = Release(plane, "fedtrain")
        plane.api.create("v1/namespaces", {"metadata": {"name": "team"}})
        release.install(**{"mode": "Namespaces", "namespaces": ["team"], "crds.keep": False})
        with Operator(release.kubeconfig(tmp_path), tmp_path, **release.settings()) as operator:
            eventually(lambda: "waiting for CustomResourceDefinitions: pytorchjobs" in operator.log.read_text())
            plane.apply(file_of("training-operator", "kubeflow.org_pytorchjobs.yaml"))
            eventually(lambda: healthy(operator.health))
        leaving = beside(release.uninstall)
        assert "OK" in run_as_pod(plane, release.namespace, UNINSTALL_POD, tmp_path, {})
        leaving.result()
        eventually(lambda: [crd["metadata"]["name"] for crd in plane.api.list(CRDS)] == ["pytorchjobs.kubeflow.org"])
