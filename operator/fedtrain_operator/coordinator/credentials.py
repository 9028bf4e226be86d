"""The store's credentials beside participants' tasks, while there are any that may run."""

from collections.abc import Iterable

from fedtrain.manifests import labels
from fedtrain.manifests.kinds import SECRET, Json, Ref
from fedtrain_operator.coordinator.state import ClusterState


async def take_back(world: ClusterState, training: Ref, participants: Iterable[str], tasks: Iterable[Json]) -> None:
    """Deletes the copies in all namespaces that may have one: those of tasks, and of participants as they are now.
    Secrets are never listed, so that nobody has to be allowed to."""
    records = [await world.participant(name) for name in participants]
    homes = {record["spec"]["namespace"] for record in records if record is not None}
    served = {home for home in homes if world.cluster.serves(home)}
    for namespace in sorted({task["metadata"]["namespace"] for task in tasks} | served):
        await world.cluster.delete(SECRET, Ref(namespace, labels.secret_name(training)))
