"""The API server keeps the pod settings of a ParticipantPolicy as its owner writes them."""

import pytest

from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.pods import Pods, PodSecurityContext
from hack.cluster.api import Json
from hack.cluster.control_plane import ControlPlane
from tests.controlplane.objects import Objects, Refused
from tests.unit.operator.test_pytorch_jobs import SCHEDULING

IDS = {"runAsUser": None, "runAsGroup": None, "fsGroup": None}


@pytest.fixture
def objects(kinds: ControlPlane, namespace: str) -> Objects:
    return Objects(kinds.client, namespace)


def policy(pods: Json) -> Json:
    datasets = [{"name": "tickets", "uri": "/data/tickets.jsonl"}]
    return {
        "apiVersion": "fedtrain.dev/v1alpha1",
        "kind": "ParticipantPolicy",
        "metadata": {"name": "bank-a"},
        "spec": {"datasets": datasets, "pods": pods},
    }


def kept(objects: Objects, pods: Json) -> Pods:
    spec = objects.create(policy(pods), dry=True)["spec"]
    return ParticipantPolicySpec.model_validate(spec).pods


def test_keep_scheduling_settings(objects: Objects) -> None:
    assert kept(objects, SCHEDULING) == Pods.model_validate(SCHEDULING)


def test_fill_in_resources_and_user_ids(objects: Objects) -> None:
    assert kept(objects, {}) == Pods()


@pytest.mark.parametrize("ids", [{}, IDS], ids=["empty", "null"])
def test_keep_user_ids_unset(objects: Objects, ids: Json) -> None:
    assert kept(objects, {"securityContext": ids}).security_context == PodSecurityContext()


@pytest.mark.parametrize(
    ("pods", "field"),
    [
        ({"securityContext": {"runAsUser": 0}}, "runAsUser"),
        ({"securityContext": {"runAsNonRoot": False}}, "runAsNonRoot"),
        ({"affinity": {"nodeAfinity": {}}}, "nodeAfinity"),
        ({"containerSecurityContext": {"privileged": True}}, "privileged"),
        ({"topologySpreadConstraints": [{"maxSkew": 1}]}, "topologyKey"),
        ({"resources": {"limit": {"cpu": "1"}}}, "limit"),
        ({"serviceAccountName": "Not A Name"}, "serviceAccountName"),
    ],
)
def test_refuse_invalid_settings_by_field(objects: Objects, pods: Json, field: str) -> None:
    with pytest.raises(Refused) as refusal:
        objects.create(policy(pods), dry=True)
    assert field in str(refusal.value)
