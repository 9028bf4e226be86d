"""One pass over a FederatedTraining: gather (API objects first, ledger second), decide, apply, tell."""

import time
from collections.abc import Callable, Mapping, Sequence

from pydantic import ValidationError

from fedtrain.api.begun import begun
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts.records import Grant
from fedtrain.ledger.store import StoreError, StoreUnavailable
from fedtrain.manifests.admission import Here, accepted, askable
from fedtrain.manifests.conditions import Condition, shortened
from fedtrain.manifests.kinds import JOB, TASK, Json, Ref
from fedtrain.manifests.settings import Settings
from fedtrain.rounds.decide import decide
from fedtrain.rounds.decision import STOPPED, Claim, Decision
from fedtrain.rounds.snapshot import Snapshot
from fedtrain_operator.coordinator import blocked, events, finalizer, status
from fedtrain_operator.coordinator.blocked import Blocked
from fedtrain_operator.coordinator.events import Told
from fedtrain_operator.coordinator.executor import Executor
from fedtrain_operator.coordinator.gather import Gatherer, asked
from fedtrain_operator.coordinator.heartbeat import seen
from fedtrain_operator.coordinator.pending_pods import hub_waits, waits
from fedtrain_operator.coordinator.run_claim import open_run
from fedtrain_operator.coordinator.state import ClusterState, Memory
from fedtrain_operator.coordinator.status_writer import tell
from fedtrain_operator.kube.loops import Next

CHANGED_SECONDS = 0.1
"""Until the next pass, when the training is not what it was taken for."""
STEPS = 16
"""Decisions in one pass: a claim makes the next one due at once."""


class Coordinator:
    """All FederatedTrainings that this operator sees. `clock` is the wall's, for the status; `steady` decides."""

    def __init__(
        self,
        world: ClusterState,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.world = world
        self._settings = settings
        self._clock = clock
        self._steady = steady

    async def reconcile(self, training: Ref) -> Next:
        body = await self._body(training)
        if body is None:
            self.world.memories.pop(training, None)
            return Next(forget=True)
        memory = self.world.memory(training, body)
        if body["metadata"].get("deletionTimestamp"):
            return await self._leave(body, memory) if finalizer.held(body) else Next()
        if not finalizer.held(body):
            body = await finalizer.hold(self.world.cluster, body)
            self.world.trainings.put(body)
        try:
            following = await self._go_on(training, body, memory)
        except Blocked as error:
            memory.clock.pause()
            phase = body.get("status", {}).get("phase", "Pending") if memory.run else "Pending"
            following = await self._blocked(body, phase, error)
        latest = self.world.trainings.get(training)
        # An answer to a write of ours may bring what a user has changed meanwhile; no watch will say it again.
        return following if latest is None or asked(latest) == asked(body) else Next(0)

    async def _leave(self, body: Json, memory: Memory) -> Next:
        try:
            gone = await finalizer.leave(self.world, body, memory, self._steady(), self._clock())
            return Next() if gone else Next(1.0)
        except StoreError as error:
            phase = body.get("status", {}).get("phase", "Pending")
            return await self._blocked(body, phase, blocked.ledger_remains(str(error)))

    async def _blocked(self, body: Json, phase: str, error: Blocked) -> Next:
        after = status.blocked(body, phase, str(error), [error.said], self._clock())
        told = await tell(self.world, body, after, (), self._clock)
        return Next(error.after if told else CHANGED_SECONDS)

    async def _body(self, training: Ref) -> Json | None:
        """From the watch; from the server when it is time to look at everything."""
        memory = self.world.memories.get(training)
        if memory is None or memory.looked is None or self._steady() - memory.looked <= self._settings.resync:
            return self.world.trainings.get(training)
        return await self.world.see(training)

    async def _go_on(self, training: Ref, body: Json, memory: Memory) -> Next:
        try:
            spec = FederatedTrainingSpec.model_validate(body["spec"])
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            said = f"spec.{'.'.join(map(str, problem['loc']))}: {problem['msg']}. Update the operator or the CRDs"
            raise blocked.rules("Malformed", said) from error
        if memory.looked is None or self._steady() - memory.looked > self._settings.resync:
            memory.looked, memory.secret_is_new = self._steady(), False
            memory.copy_anew()
        records = {one.name: found for one in spec.participants if (found := await self.world.participant(one.name))}
        homes = {training.namespace, *(record["spec"]["namespace"] for record in records.values())}
        await self.world.streams.listed((TASK, JOB), sorted(homes))
        here = Here(training.namespace, self._settings.namespaces)
        judged = accepted(spec, here, records)
        generation, hint = body["metadata"]["generation"], body.get("status", {}).get("round", 0)
        if judged.status == "False" and not begun(hint):
            raise Blocked(judged, blocked.RULES_PAUSE_SECONDS)
        opened = await open_run(self.world.cluster, training, spec, generation, memory, hint)
        gatherer = Gatherer(self.world, training, body, spec, memory, self._settings.resync, self._steady)
        executor = Executor(self.world, self._settings, training, spec, memory, askable(here, records))
        if opened:
            await executor.stop_other_runs()
        try:
            return await self._steps(gatherer, executor, judged, records)
        except StoreUnavailable as error:
            memory.facts = None
            memory.clock.out()
            raise blocked.unreachable("Unavailable", str(error)) from error
        except StoreError as error:
            memory.secret_is_new = False  # it may have been put right since
            raise blocked.refused(str(error)) from error

    async def _steps(
        self, gatherer: Gatherer, executor: Executor, judged: Condition, records: Mapping[str, Json]
    ) -> Next:
        memory = gatherer.memory
        story: list[Told] = []
        sure = False
        for _ in range(STEPS):
            snapshot = await gatherer.gather()
            decision = decide(snapshot, self._steady())
            if decision.phase in STOPPED:
                memory.clock.pause()
            if decision.actions and not gatherer.fresh:  # what is done rests on the ledger of now,
                memory.facts = None
                continue
            if decision.actions and not sure:  # and on what is asked now
                if await self._changed(gatherer):
                    return Next(CHANGED_SECONDS)
                sure = True
            await executor.apply(decision.actions)
            claims = [action.record for action in decision.actions if isinstance(action, Claim)]
            story += [events.again(record) for record in claims if isinstance(record, Grant)]
            if not claims:
                break
            memory.facts = None
        else:
            return Next(0)
        if decision.phase in STOPPED and decision.phase != gatherer.body.get("status", {}).get("phase"):
            if not sure and await self._changed(gatherer):
                return Next(CHANGED_SECONDS)
            await executor.take_back()  # before the status says so: whoever dies between leaves it to be done again
        await executor.clear(snapshot.ledger.round - 1)
        waiting = await self.world.unready(gatherer.training)
        stuck = await hub_waits(self.world.cluster, gatherer.spec, snapshot.ledger.run.run_id, waiting)
        if await executor.make_anew(waiting, stuck, self._steady()):
            return Next(self._settings.pod_check)
        pod_check = self._settings.pod_check if waiting else None
        return await self._tell(gatherer, snapshot, decision, judged, records, story, list(stuck.values()), pod_check)

    async def _changed(self, gatherer: Gatherer) -> bool:
        """Whether the server has another version of the training, which no watch has brought yet."""
        latest = await self.world.see(gatherer.training)
        return latest is None or latest["metadata"]["resourceVersion"] != gatherer.body["metadata"]["resourceVersion"]

    async def _tell(
        self,
        gatherer: Gatherer,
        snapshot: Snapshot,
        decision: Decision,
        judged: Condition,
        records: Mapping[str, Json],
        story: list[Told],
        hub: Sequence[Condition],
        pod_check: float | None,
    ) -> Next:
        """`hub`: why its own pods wait. `pod_check`: seconds until those that wait are asked again."""
        world, training, memory = self.world, gatherer.training, gatherer.memory
        pods = waits(world.tasks.of(training), hub)
        silent = seen(world.heard.silent(records, self._settings.heartbeat), records)
        reached = Condition("StoreReachable", "True", "Reachable")
        said = [judged, reached, *pods, silent]
        after = status.of(gatherer.body, decision, snapshot, memory.rounds, memory.clock, said, self._clock())
        if stuck := [one.message for one in pods if one.status == "False"]:
            after["message"] = shortened("; ".join(filter(None, (decision.message, *stuck))))
        if not gatherer.fresh and status.place(after) != status.place(gatherer.body.get("status", {})):
            memory.facts = None  # or two coordinators, one of them behind, would deny each other's words for ever
            return Next(0)
        told = await tell(world, gatherer.body, after, story, self._clock)
        return Next(_wait(decision, pod_check) if told else CHANGED_SECONDS)


def _wait(decision: Decision, pod_check: float | None) -> float | None:
    """Until something is due; meanwhile pods that wait for a node are asked why."""
    due = [seconds for seconds in (decision.wake_after, pod_check) if seconds is not None]
    return max(min(due), 0.01) if due else None
