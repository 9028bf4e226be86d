"""Jobs of the hub, in the training's namespace: Initialise and Evaluate run the trainer's image, Aggregate the hub's
image. Pure."""

from fedtrain.api.base import in_bytes
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.participants import Compute
from fedtrain.contracts.places import places_of_hub
from fedtrain.contracts.records import Run
from fedtrain.contracts.tasks import Assignment, Binding, Evaluate, Task
from fedtrain.contracts.wire.aggregation import AggregationOrder
from fedtrain.manifests import labels
from fedtrain.manifests.compute import command, granted, resources, threads
from fedtrain.manifests.kinds import JOB, TRAINING, Json
from fedtrain.manifests.mounted_secrets import secrets_of_aggregator, secrets_of_places
from fedtrain.manifests.pod import hardened
from fedtrain.manifests.pod_overlay import annotations_of, labels_of, pod_template
from fedtrain.manifests.render_digest import marked
from fedtrain.manifests.settings import Settings
from fedtrain.manifests.training_task import plain, pod_seconds
from fedtrain.rounds.decision import AggregateOrder
from fedtrain.rounds.snapshot import TaskKey


def hub_job(
    spec: FederatedTrainingSpec,
    run: Run,
    key: TaskKey,
    order: Task | AggregateOrder,
    settings: Settings,
    owner_uid: str,
) -> Json:
    """Return a Job that runs one pod once; retries are attempts in the ledger. It is deleted with its training."""
    compute = granted(hub_compute(spec, key), settings.hub_pods.resources)
    if isinstance(order, AggregateOrder):
        start, image = command(compute, "fedtrain_aggregator"), settings.hub_image
        pull_policy = settings.hub_pull_policy
        assignment = AggregationOrder.of(run, order.round, order.k, spec.storage).text()
        secrets = secrets_of_aggregator(spec.storage)
    else:
        start, image = command(compute), settings.trainer_image
        pull_policy = settings.trainer_pull_policy
        binding = _binding(spec, order)
        assignment = Assignment(task=order, binding=binding).model_dump_json(by_alias=True)
        secrets = secrets_of_places(binding.places)
    pod = hardened(
        container="main",
        image=image,
        pull_policy=pull_policy,
        command=start,
        assignment=assignment,
        environment=threads(compute),
        resources=resources(compute, settings.hub_pods.resources),
        shared_memory=True,
        credentials=secrets,
        seconds=pod_seconds(spec),
    )
    name, own = labels.name_of(run, key), labels.of_task(run, key)
    owner = {
        "apiVersion": TRAINING.api_version,
        "kind": TRAINING.name,
        "name": run.name,
        "uid": owner_uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }
    job: Json = {
        "apiVersion": JOB.api_version,
        "kind": JOB.name,
        "metadata": {
            "name": name,
            "namespace": run.namespace,
            "labels": labels_of(settings.hub_pods, own),
            "annotations": annotations_of(settings.hub_pods),
            "ownerReferences": [owner],
        },
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "template": pod_template(pod, settings.hub_pods, {**own, labels.JOB: name}),
        },
    }
    return marked(job, hub_source(settings))


def hub_source(settings: Settings) -> Json:
    """Return the settings behind a Job that may change during a run."""
    return {
        "images": [settings.hub_image, settings.trainer_image],
        "pullPolicies": [settings.hub_pull_policy, settings.trainer_pull_policy],
        "pods": plain(settings.hub_pods),
    }


def hub_compute(spec: FederatedTrainingSpec, key: TaskKey) -> Compute:
    """Return the compute of a Job. Evaluation may need GPUs; initialisation does not."""
    hub = spec.evaluation.hub
    match key.kind:
        case "Evaluate" if hub is not None:
            return hub.compute
        case "Initialise" if hub is not None:
            return hub.compute.model_copy(update={"gpus_per_node": 0})
        case _:
            return Compute()


def _binding(spec: FederatedTrainingSpec, task: Task) -> Binding:
    """The data and the initial adapter are at the locations that the training names."""
    hub, initial = spec.evaluation.hub, spec.model.adapter.initial_from
    held_out = hub.data if hub is not None and isinstance(task.work, Evaluate) else None
    return Binding(
        places=places_of_hub(spec.storage, spec.model, held_out),
        initial_path=initial.uri if initial else None,
        data_uris=(held_out.uri,) if held_out is not None else (),
        gpu_memory=in_bytes(hub.compute.gpu_memory) if hub is not None else None,
    )
