"""A training, a run and a task for tests of what the operator makes of them."""

import base64
from typing import Any

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.contracts.records import Run
from fedtrain.contracts.wire.transfer import SignedRecord, SignedRequest, TransferGrant
from fedtrain.manifests.kinds import Json
from fedtrain.manifests.labels import TRANSFER_SECRET
from fedtrain.manifests.settings import Settings
from fedtrain.manifests.training_task import training_task
from fedtrain.rounds import orders
from fedtrain.rounds.snapshot import TaskKey

SETTINGS = Settings(trainer_image="example.org/trainer:1", hub_image="example.org/hub:1")
S3: Json = {"bucket": "runs", "endpoint": "http://store:9000", "credentialsSecretRef": {"name": "bucket-keys"}}


def spec(**changes: Any) -> FederatedTrainingSpec:
    whole: Json = {
        "model": {"base": "s3://models/base"},
        "data": {"dataset": "tickets", "format": "Text"},
        "participants": [{"name": "bank-a"}, {"name": "bank-b", "compute": {"gpusPerNode": 2}}],
        "rounds": {"count": 2},
        "training": {"length": {"type": "Steps", "steps": 2}},
        "storage": {"type": "S3", "s3": S3},
    }
    return FederatedTrainingSpec.model_validate({**whole, **changes})


def run(namespace: str = "hub", name: str = "tickets") -> Run:
    return Run(run_id="0123456789abcdef", namespace=namespace, name=name, spec={})


def policy(**changes: Any) -> ParticipantPolicySpec:
    whole: Json = {"datasets": [{"name": "tickets", "uri": "/data/tickets.jsonl"}]}
    return ParticipantPolicySpec.model_validate({**whole, **changes})


def signed(uid: str) -> Json:
    """The Secret with the signed requests of a task."""
    read = SignedRequest(url=f"http://store:9000/runs/hub/tickets/{uid}")
    grant = TransferGrant(task=uid, record=SignedRecord(name="record", read=read, writes=()))
    return {"metadata": {"name": TRANSFER_SECRET}, "data": {uid: base64.b64encode(grant.packed()).decode()}}


def task(who: str = "bank-a", **changes: Any) -> Json:
    """The TrainingTask that asks `who` to count its data."""
    whole, claimed = spec(**changes), run()
    key = TaskKey(0, "Inspect", who, 1)
    body = training_task(whole, claimed, key, orders.inspect_task(whole, claimed, key), f"at-{who}")
    return {**body, "metadata": {**body["metadata"], "uid": f"uid-{who}", "generation": 1}}
