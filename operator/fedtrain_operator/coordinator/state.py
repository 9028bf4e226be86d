"""What the coordinator sees of the API, and the little that it keeps in mind of each training. Losing all of it loses
nothing: it is gathered anew."""

from dataclasses import dataclass, field

from fedtrain.api.begun import begun
from fedtrain.contracts.records import Run
from fedtrain.gathering.ledger_facts import LedgerGatherer
from fedtrain.ledger.ledger import Ledger
from fedtrain.manifests import labels
from fedtrain.manifests.kinds import PARTICIPANT, POD, TRAINING, Json, Ref
from fedtrain.rounds.clock import RoundClock
from fedtrain.rounds.snapshot import LedgerFacts
from fedtrain_operator.coordinator.executions import Executions, failed
from fedtrain_operator.coordinator.heartbeat import Heard
from fedtrain_operator.coordinator.metrics import RoundMetrics
from fedtrain_operator.kube.cache import Cache, told_of_task
from fedtrain_operator.kube.client import Cluster
from fedtrain_operator.kube.pod_outcome import PodOutcome, verdict
from fedtrain_operator.kube.streams import Streams
from fedtrain_operator.kube.stuck_containers import StuckContainers


@dataclass
class Memory:
    """Of one training, the object `uid`. `looked`: when all of it was last looked at anew; `read`: when its ledger
    was read; `ended`: the executions that had ended then."""

    uid: str
    clock: RoundClock = field(default_factory=RoundClock)
    executions: Executions = field(default_factory=Executions)
    verdicts: dict[str, PodOutcome] = field(default_factory=dict[str, PodOutcome])
    secret: Json | None = None
    secret_is_new: bool = False
    """Whether it was read lately."""
    ledger: Ledger | None = None
    run: Run | None = None
    gatherer: LedgerGatherer | None = None
    opened: int = 0
    """The generation of the training that the ledger's run was compared with."""
    facts: LedgerFacts | None = None
    update_bytes: int = 0
    """Of the round that is worked on."""
    rounds: list[Json] = field(default_factory=list[Json])
    looked: float | None = None
    read: float = 0.0
    ended: frozenset[object] = frozenset()
    copied: set[str] = field(default_factory=set[str])
    """Namespaces that have the credentials as they are now."""
    lend: bool = True
    """Whether tasks that wait may lack them: not known yet, or the credentials have changed."""
    limbo: StuckContainers = field(default_factory=StuckContainers)
    cancelling: float | None = None
    """Since when its tasks are asked to stop, because the training is deleted."""

    def copy_anew(self) -> None:
        self.copied.clear()
        self.lend = True


class ClusterState:
    """The caches that the watches feed, and reads where they may not be enough."""

    def __init__(self, cluster: Cluster, streams: Streams) -> None:
        self.cluster = cluster
        self.trainings = Cache()
        self.participants = Cache()
        self.tasks = Cache(labels.training_of, told_of_task)  # what is ordered is in the ledger
        self.jobs = Cache(labels.training_of)
        self.heard = Heard()
        self.measures = RoundMetrics()
        self.memories: dict[Ref, Memory] = {}
        self.streams = streams

    def memory(self, training: Ref, body: Json) -> Memory:
        known = self.memories.get(training)
        if known is None or known.uid != body["metadata"]["uid"]:
            known = self.memories[training] = Memory(body["metadata"]["uid"])
            elapsed = body.get("status", {}).get("elapsed")
            if elapsed and begun(elapsed["round"]):  # before that the spec may have changed while no operator ran
                known.clock = RoundClock(elapsed["round"], elapsed["epoch"], elapsed["seconds"])
        return known

    async def see(self, training: Ref) -> Json | None:
        """The training as the server has it now: a watch may have missed a change of it, or its end."""
        known, found = self.trainings.get(training), await self.cluster.get(TRAINING, training)
        if known is not None and (found is None or found["metadata"]["uid"] != known["metadata"]["uid"]):
            self.trainings.drop(known)
        if found is not None:
            self.trainings.put(found)
        return found

    async def participant(self, name: str) -> Json | None:
        known = self.participants.get(Ref("", name))
        if known is None:
            known = await self.cluster.get(PARTICIPANT, Ref("", name))
            if known is not None:
                self.participants.put(known)
        return known

    async def unready(self, training: Ref) -> list[tuple[Json, list[Json]]]:
        """The hub's Jobs whose pod does not run yet, with their pods."""
        found: list[tuple[Json, list[Json]]] = []
        for job in self.jobs.of(training):
            status = job.get("status", {})
            if status.get("active") and not status.get("ready"):
                pods = await self.cluster.list(POD, training.namespace, {labels.JOB: job["metadata"]["name"]})
                found.append((job, pods))
        return found

    async def why_jobs_failed(self, training: Ref, memory: Memory) -> None:
        """Reads the pods of failed Jobs once, before they are gone."""
        jobs = self.jobs.of(training)
        there = {job["metadata"]["uid"] for job in jobs}
        memory.verdicts = {uid: known for uid, known in memory.verdicts.items() if uid in there}
        for job in jobs:
            uid, name = job["metadata"]["uid"], job["metadata"]["name"]
            if failed(job) and uid not in memory.verdicts:
                pods = await self.cluster.list(POD, training.namespace, {labels.JOB: name})
                memory.verdicts[uid] = verdict(pods)
