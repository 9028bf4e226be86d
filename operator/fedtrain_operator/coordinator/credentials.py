"""Copies of the store's credentials beside participants' tasks: they exist while tasks may run."""

import asyncio
from collections.abc import Iterable

from fedtrain.manifests import labels
from fedtrain.manifests.kinds import SECRET, Json, Ref
from fedtrain_operator.coordinator.executions import cancelled, who_of
from fedtrain_operator.coordinator.requests import Requests
from fedtrain_operator.coordinator.state import ClusterState, Memory
from fedtrain_operator.coordinator.stores import NoCredentials, copied
from fedtrain_operator.kube.client import AlreadyExists, ApiError, Cluster

COPY = "copy the store's credentials to its namespace"
REVOKE = "delete the store's credentials from its namespace"


async def store_secret(cluster: Cluster, name: Ref) -> Json:
    """Read the Secret that a training names. Raises NoCredentials if it is missing or the operator may not read it."""
    what = f"Secret {name.name!r} in namespace {name.namespace!r} (storage.s3.credentialsSecretRef)"
    try:
        secret = await cluster.get(SECRET, name)
    except ApiError as error:
        if error.code != 403:
            raise
        fix = (
            "Bind the role of training namespaces there, and list the name in rbac.credentialsSecretNames of the chart"
        )
        raise NoCredentials(f"the operator is not allowed to read the {what}. {fix}") from error
    if secret is None:
        raise NoCredentials(f"there is no {what}")
    return secret


async def copy(state: ClusterState, training: Ref, memory: Memory, namespace: str) -> None:
    """Copies the hub's Secret as it is now. Raises ApiError."""
    if memory.secret is None or namespace in memory.copied:
        return
    secret: Json = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": labels.secret_name(training),
            "namespace": namespace,
            "labels": labels.of_training(training),
        },
        "data": dict(copied(memory.secret)),
    }
    try:
        await state.cluster.create(SECRET, secret)
    except AlreadyExists:
        await state.cluster.replace(SECRET, secret)
    memory.copied.add(namespace)


async def renew(state: ClusterState, training: Ref, memory: Memory, requests: Requests) -> None:
    """Copies them again for tasks that wait, when their copies may be deleted or outdated."""
    if not memory.copies_are_old:
        return
    waiting = {
        task["metadata"]["namespace"]: who_of(task)
        for task in state.tasks.of(training)
        if task.get("status", {}).get("phase", "Pending") == "Pending"
        and not cancelled(task)
        and not labels.runs_elsewhere(task)
    }
    renewed = [
        await requests.attempt(who, COPY, lambda namespace=namespace: copy(state, training, memory, namespace))
        for namespace, who in waiting.items()
    ]
    memory.copies_are_old = not all(renewed)


async def revoke(
    state: ClusterState, training: Ref, participants: Iterable[str], tasks: Iterable[Json], requests: Requests
) -> bool:
    """Deletes the copies in all namespaces that may have one: those of tasks, and of the participants now. Secrets are
    never listed, so that the operator needs no right to. Whether all copies are gone."""
    homes: dict[str, str] = {}

    async def find(who: str) -> None:
        record = await state.participant(who)
        if record is not None and state.cluster.serves(record["spec"]["namespace"]):
            homes[record["spec"]["namespace"]] = who

    done = [await requests.attempt(who, "read its Participant", lambda who=who: find(who)) for who in participants]
    homes |= {task["metadata"]["namespace"]: who_of(task) for task in tasks}

    async def delete(namespace: str, who: str) -> bool:
        name = Ref(namespace, labels.secret_name(training))
        return await requests.attempt(who, REVOKE, lambda: state.cluster.delete(SECRET, name))

    done += await asyncio.gather(*(delete(namespace, who) for namespace, who in sorted(homes.items())))
    return all(done)
