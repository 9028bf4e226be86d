"""A Job of the hub and a PyTorchJob of two nodes, as the operator creates them."""

from dataclasses import replace

from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.pods import Pods
from fedtrain.api.training_task import TrainingTaskSpec
from fedtrain.contracts.tasks import Assignment
from fedtrain.manifests.hub_job import hub_job
from fedtrain.manifests.policy_check import judge
from fedtrain.manifests.pytorch_job import PyTorchJobs
from fedtrain.rounds.decision import AggregateOrder
from fedtrain.rounds.snapshot import TaskKey
from hack.cluster.api import Json
from tests.controlplane.training import SECRET
from tests.unit.operator.worlds import SETTINGS, run, spec, task

PLACES: Json = {
    "datasets": [
        {"name": "tickets", "uri": "s3://rows/a", "s3": {"credentialsSecretRef": {"name": "rows"}}},
        {"name": "notes", "uri": "s3://notes/a", "s3": {"credentialsSecretRef": {"name": "notes"}}},
    ],
    "baseModel": {"s3": {"credentialsSecretRef": {"name": "models"}}},
    "privacy": {"noiseKeySecretRef": {"name": "noise"}},
}
"""Buckets and the noise key in the policy of bank-a."""
MIX: Json = {"format": "Text", "datasets": [{"name": "tickets", "share": 3}, {"name": "notes", "share": 1}]}
"""Data of a training that mixes both data sets."""


def job(namespace: str, pods: Pods | None = None) -> Json:
    """An aggregation. `pods`: the chart's hubPods."""
    storage = {"type": "S3", "s3": {"bucket": "runs", "credentialsSecretRef": {"name": SECRET}}}
    settings = replace(SETTINGS, hub_pods=pods or Pods())
    key = TaskKey(3, "Aggregate", "_aggregate-1", 1)
    return hub_job(spec(storage=storage), run(namespace), key, AggregateOrder(3, 1), settings, "uid")


def pytorch_job(namespace: str, pods: Json, data: Json | None = None, **more: Json) -> Json:
    """A task of bank-a. `pods`: those of its ParticipantPolicy; `data`: of the training; `more`: further fields of the
    policy."""
    changes: Json = {"participants": [{"name": "bank-a", "compute": {"nodes": 2}}]}
    body = task(**changes if data is None else {**changes, "data": data})
    body["metadata"]["namespace"] = namespace
    order = TrainingTaskSpec.model_validate(body["spec"])
    policy = ParticipantPolicySpec.model_validate({**PLACES, "pods": pods, **more})
    judged = judge(order, policy, SETTINGS.trainer_image)
    assert isinstance(judged, Assignment)
    return PyTorchJobs(SETTINGS.trainer_image, "Always").render(body, order, judged, policy)
