"""The two API servers of a participant: the hub's, which has its tasks, and its own, which runs their jobs."""

from dataclasses import dataclass

from fedtrain.manifests.kinds import Ref
from fedtrain_operator.kube.client import Cluster
from fedtrain_operator.kube.streams import Streams


@dataclass(frozen=True)
class Sites:
    """`hub`: TrainingTasks and Participants. `here`: jobs, pods, policies and events. Both are the same for a
    participant that is a namespace of the hub's cluster; its tasks and jobs then have the same namespace."""

    hub: Cluster
    here: Cluster
    participant: str | None = None
    """The only participant that is served, where the hub is another cluster."""

    @property
    def is_remote(self) -> bool:
        """Whether the hub is another cluster. It then serves one namespace here and one at the hub."""
        return self.hub is not self.here

    def here_of(self, task: Ref) -> Ref:
        """The job of a task at the hub."""
        return Ref(self._here_namespace(task.namespace), task.name)

    def hub_of(self, job: Ref) -> Ref:
        """The task at the hub of a job here."""
        return Ref(self.hub.namespaces[0] if self.is_remote else job.namespace, job.name)

    def _here_namespace(self, hub_namespace: str) -> str:
        return self.here.namespaces[0] if self.is_remote else hub_namespace


@dataclass(frozen=True)
class SiteStreams:
    """The streams of both servers; the same for a namespace of the hub's cluster."""

    hub: Streams
    here: Streams

    @classmethod
    def of(cls, streams: Streams) -> "SiteStreams":
        """The streams of a hub that is this cluster."""
        return cls(streams, streams)
