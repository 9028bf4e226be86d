"""What the coordinator knows: caches that the watches feed, and a little memory per training. Losing all of it loses no
decision: it is gathered again."""

from collections.abc import Callable
from dataclasses import dataclass, field

from fedtrain.api.begun import begun
from fedtrain.contracts.records import Run
from fedtrain.gathering.ledger_facts import LedgerGatherer
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.task_requests import Grants
from fedtrain.manifests import labels
from fedtrain.manifests.kinds import PARTICIPANT, POD, TRAINING, Json, Ref
from fedtrain.manifests.namespace_role import DEFAULT_PREFIX
from fedtrain.rounds.clock import RoundClock
from fedtrain.rounds.snapshot import LedgerFacts
from fedtrain_operator.coordinator.event_limit import EventLimit
from fedtrain_operator.coordinator.executions import Executions, failed, over
from fedtrain_operator.coordinator.heartbeat import Heartbeats
from fedtrain_operator.coordinator.metrics import RoundMetrics
from fedtrain_operator.coordinator.own_objects import training_of_job
from fedtrain_operator.coordinator.progress import Progress
from fedtrain_operator.coordinator.refusals import Refusals
from fedtrain_operator.coordinator.signatures import Signatures
from fedtrain_operator.coordinator.transfer_secrets import TransferSecrets
from fedtrain_operator.kube.cache import Cache, summary_of_task
from fedtrain_operator.kube.client import Cluster
from fedtrain_operator.kube.pod_outcome import PodOutcome, read_outcome
from fedtrain_operator.kube.streams import Streams
from fedtrain_operator.kube.stuck_containers import StuckContainers


@dataclass
class Memory:
    """Memory of one training, the object `uid`. `looked`: when everything was last read again; `read`: when its ledger
    was; `ended`: the executions that had ended then."""

    uid: str
    progress: Progress
    event_limit: EventLimit
    clock: RoundClock = field(default_factory=RoundClock)
    executions: Executions = field(default_factory=Executions)
    outcomes: dict[str, PodOutcome] = field(default_factory=dict[str, PodOutcome])
    """Why Jobs failed, by uid."""
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
    """Bytes of the current round's updates."""
    rounds: list[Json] = field(default_factory=list[Json])
    looked: float | None = None
    read: float = 0.0
    ended: frozenset[object] = frozenset()
    grants: Grants | None = None
    signatures: Signatures = field(default_factory=Signatures)
    stuck: StuckContainers = field(default_factory=StuckContainers)
    refusals: Refusals = field(default_factory=Refusals)
    cancelling: float | None = None
    """Since when its tasks are asked to stop, because the training is deleted."""


class ClusterState:
    """The caches that the watches feed, and reads where these may not be enough. `clock` is the wall's, `steady` one
    that is never set. `heartbeat`: seconds between heartbeats of participants that do not report it. `role_prefix`: of
    the roles that grant the operator its rights in a namespace."""

    def __init__(
        self,
        cluster: Cluster,
        streams: Streams,
        clock: Callable[[], float],
        steady: Callable[[], float],
        heartbeat: float = 600.0,
        role_prefix: str = DEFAULT_PREFIX,
    ) -> None:
        self.cluster = cluster
        self.clock = clock
        self.steady = steady
        self.trainings = Cache()
        self.participants = Cache()
        self.tasks = Cache(labels.training_of, summary_of_task)  # what is ordered is in the ledger
        self.jobs = Cache(training_of_job)
        self.heartbeats = Heartbeats(heartbeat, steady, clock)
        self.metrics = RoundMetrics()
        self.transfer_secrets = TransferSecrets(cluster, clock, steady)
        self.memories: dict[Ref, Memory] = {}
        self.streams = streams
        self._role_prefix = role_prefix
        self._event_time = 0

    def event_time(self) -> int:
        """Nanoseconds since 1970 for the next event, later than that of the previous one."""
        self._event_time = max(self._event_time + 1000, int(self.clock() * 1e6) * 1000)
        return self._event_time

    def memory(self, training: Ref, body: Json) -> Memory:
        known = self.memories.get(training)
        if known is None or known.uid != body["metadata"]["uid"]:
            known = Memory(
                body["metadata"]["uid"],
                Progress(self.steady(), self.clock()),
                EventLimit(self.steady),
                refusals=Refusals(self._role_prefix),
            )
            self.memories[training] = known
            elapsed = body.get("status", {}).get("elapsed")
            if elapsed and begun(elapsed["round"]):  # before that the spec may have changed while no operator ran
                known.clock = RoundClock(elapsed["round"], elapsed["epoch"], elapsed["seconds"])
        return known

    async def see(self, training: Ref) -> Json | None:
        """The training as the server has it now: a watch may have missed its change, or its end."""
        known, found = self.trainings.get(training), await self.cluster.get(TRAINING, training)
        if known is not None and (found is None or found["metadata"]["uid"] != known["metadata"]["uid"]):
            self.trainings.drop(known)
        if found is not None:
            self.trainings.put(found)
        return found

    async def participant(self, name: str) -> Json | None:
        """Raises ApiError."""
        known = self.participants.get(Ref("", name))
        if known is None:
            known = await self.cluster.get(PARTICIPANT, Ref("", name))
            if known is not None:
                self.participants.put(known)
        return known

    async def unready(self, training: Ref) -> list[tuple[Json, list[Json]]]:
        """The hub's Jobs that have not started or whose pod does not run yet, with their pods. Raises ApiError."""
        found: list[tuple[Json, list[Json]]] = []
        for job in self.jobs.of(training):
            status = job.get("status", {})
            if not over(job) and not status.get("ready"):
                pods = await self.cluster.list(POD, training.namespace, {labels.JOB: job["metadata"]["name"]})
                found.append((job, pods))
        return found

    async def read_outcomes(self, training: Ref, memory: Memory) -> None:
        """Reads the pods of failed Jobs once, before they are gone. Raises ApiError if that may succeed later."""
        jobs = self.jobs.of(training)
        existing = {job["metadata"]["uid"] for job in jobs}
        memory.outcomes = {uid: known for uid, known in memory.outcomes.items() if uid in existing}
        for job in jobs:
            uid, name = job["metadata"]["uid"], job["metadata"]["name"]
            if failed(job) and uid not in memory.outcomes:
                memory.outcomes[uid] = await read_outcome(self.cluster, training.namespace, {labels.JOB: name})
