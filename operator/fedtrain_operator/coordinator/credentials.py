"""The store's credentials beside participants' tasks, while there are any that may run."""

from collections.abc import Iterable

from fedtrain.manifests import labels
from fedtrain.manifests.kinds import SECRET, Json, Ref
from fedtrain_operator.coordinator.state import ClusterState
from fedtrain_operator.coordinator.stores import NoCredentials
from fedtrain_operator.kube.client import ApiError, Cluster


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


async def take_back(world: ClusterState, training: Ref, participants: Iterable[str], tasks: Iterable[Json]) -> None:
    """Deletes the copies in all namespaces that may have one: those of tasks, and of participants as they are now.
    Secrets are never listed, so that nobody has to be allowed to."""
    records = [await world.participant(name) for name in participants]
    homes = {record["spec"]["namespace"] for record in records if record is not None}
    served = {home for home in homes if world.cluster.serves(home)}
    for namespace in sorted({task["metadata"]["namespace"] for task in tasks} | served):
        await world.cluster.delete(SECRET, Ref(namespace, labels.secret_name(training)))
