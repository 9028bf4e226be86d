"""A TrainingTask as a Kubeflow PyTorchJob. Pure.

fedtrain controls deadlines, retries and deletion, because those of PyTorchJob are unreliable. A job runs once
(restartPolicy Never), and pods that still run when it ends are deleted (cleanPodPolicy Running).
"""

import math

from fedtrain.api.base import seconds
from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.participants import Compute
from fedtrain.api.storage import S3
from fedtrain.api.training_task import TrainingTaskSpec
from fedtrain.contracts.tasks import Assignment
from fedtrain.contracts.transfer import UPLOAD_VARIABLE
from fedtrain.manifests import labels
from fedtrain.manifests.compute import command, granted, processes, resources, threads
from fedtrain.manifests.conditions import find, holds
from fedtrain.manifests.kinds import PYTORCH_JOB, Json
from fedtrain.manifests.launcher import Standing
from fedtrain.manifests.mounted_secrets import secrets_of_participant_pod
from fedtrain.manifests.pod import hardened, ledger_of
from fedtrain.manifests.pod_overlay import annotations_of, labels_of, pod_template
from fedtrain.manifests.render_digest import marked

JOB_NAME_LABEL = "training.kubeflow.org/job-name"


class PyTorchJobs:
    """Launcher for PyTorchJobs."""

    kind = PYTORCH_JOB

    def __init__(self, image: str, pull_policy: str) -> None:
        self.image = image
        self._pull_policy = pull_policy

    def render(
        self,
        body: Json,
        order: TrainingTaskSpec,
        assignment: Assignment,
        policy: ParticipantPolicySpec,
        *,
        uploads: bool = False,
    ) -> Json:
        metadata, own_resources, memory = body["metadata"], policy.pods.resources, policy.limits.memory
        asked = Compute(gpu_resource=order.compute.gpu_resource) if uploads else order.compute
        compute = granted(asked, own_resources, memory)
        name: str = metadata["name"]
        own = labels.of_job(metadata, order.task.participant)
        pod = hardened(
            container="pytorch",  # the training operator looks for this name
            image=self.image,
            pull_policy=self._pull_policy,
            command=command(compute),
            assignment=assignment.model_dump_json(by_alias=True),
            credentials=secrets_of_participant_pod(assignment, policy),
            seconds=math.ceil(seconds(order.timeout)),
            environment=threads(compute) | ({UPLOAD_VARIABLE: "1"} if uploads else {}),
            resources=resources(compute, own_resources, memory),
            shared_memory=True,
            transfer=metadata["uid"],
            spool=policy.spool.volume_claim if policy.spool else None,
        )
        replica = {"restartPolicy": "Never", "template": pod_template(pod, policy.pods, own)}
        replicas: Json = {"Master": {"replicas": 1, **replica}}
        if compute.nodes > 1:
            replicas["Worker"] = {"replicas": compute.nodes - 1, **replica}
        notes = {labels.GPUS: str(compute.nodes * compute.gpus_per_node), labels.TASK_UID: metadata["uid"]}
        notes |= {labels.UPLOAD: "true"} if uploads else {}
        job: Json = {
            "apiVersion": PYTORCH_JOB.api_version,
            "kind": PYTORCH_JOB.name,
            "metadata": {
                "name": name,
                "namespace": metadata["namespace"],
                "labels": labels_of(policy.pods, own),
                "annotations": annotations_of(policy.pods) | notes,
            },
            "spec": {
                "nprocPerNode": str(processes(compute)),
                "runPolicy": {"cleanPodPolicy": "Running"},
                "pytorchReplicaSpecs": replicas,
            },
        }
        return marked(job, job)

    def ledger(self, job: Json) -> S3:
        return ledger_of(job["spec"]["pytorchReplicaSpecs"]["Master"]["template"]["spec"])

    def standing(self, job: Json) -> Standing:
        """A job is terminal if any condition Succeeded or Failed is True. Their order has no meaning."""
        conditions = job.get("status", {}).get("conditions", ())
        if holds(conditions, "Succeeded"):
            return Standing("Succeeded")
        if holds(conditions, "Failed"):
            failed = find(conditions, "Failed") or {}
            return Standing("Failed", failed.get("message", ""))
        return Standing("Running" if holds(conditions, "Running") else "Pending")

    def pods(self, name: str) -> dict[str, str]:
        return {JOB_NAME_LABEL: name}
