"""One pass over a FederatedTraining: gather, decide, apply, write the status."""

import asyncio
import logging
from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from fedtrain.api.base import seconds
from fedtrain.api.begun import begun
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts.records import Grant
from fedtrain.ledger.store import StoreError
from fedtrain.manifests.admission import Here, accepted, askable, why_not_asked
from fedtrain.manifests.conditions import Condition, shortened
from fedtrain.manifests.kinds import JOB, TASK, Json, Ref, ref
from fedtrain.manifests.settings import Settings
from fedtrain.rounds.decide import decide
from fedtrain.rounds.decision import STOPPED, TERMINAL, Claim, Decision
from fedtrain.rounds.snapshot import Snapshot
from fedtrain_operator.coordinator import blocked, events, finalizer, progress, revocation, status, status_writer
from fedtrain_operator.coordinator.blocked import Blocked
from fedtrain_operator.coordinator.executions import being_deleted
from fedtrain_operator.coordinator.executor import Executor
from fedtrain_operator.coordinator.gather import Gatherer, wishes
from fedtrain_operator.coordinator.heartbeat import participants_seen
from fedtrain_operator.coordinator.pending_pods import pod_conditions, why_hub_waits
from fedtrain_operator.coordinator.privacy_condition import forecast
from fedtrain_operator.coordinator.refusals import LIST_TASKS
from fedtrain_operator.coordinator.requests import Requests
from fedtrain_operator.coordinator.run_claim import open_run
from fedtrain_operator.coordinator.state import ClusterState, Memory
from fedtrain_operator.kube.api_error import ApiError
from fedtrain_operator.kube.events import Event
from fedtrain_operator.kube.loops import Next

log = logging.getLogger("fedtrain")

CHANGED_SECONDS = 0.1
"""Until the next pass, when the training is no longer the version that this pass has read."""
STEPS = 16
"""Decisions in one pass: a claim makes the next one due at once."""


class Coordinator:
    """Reconciles all FederatedTrainings that this operator serves."""

    def __init__(self, state: ClusterState, settings: Settings) -> None:
        self.state = state
        self._settings = settings

    async def reconcile(self, training: Ref) -> Next:
        body = await self._body(training)
        if body is None:
            self.state.memories.pop(training, None)
            return Next(forget=True)
        memory = self.state.memory(training, body)
        requests = Requests(memory.refusals, self.state.steady)
        try:
            if being_deleted(body):
                return await self._clean_up(body, memory, requests) if finalizer.present(body) else Next()
            if not finalizer.present(body):
                body = await finalizer.add(self.state.cluster, body)
                self.state.trainings.put(body)
            following = await self._run(training, body, memory, requests)
        except Blocked as error:
            following = await self._blocked(body, memory, error)
        except ApiError as error:
            if error.code in (0, 409):  # no status could be written either, or this version is outdated
                raise
            following = await self._blocked(body, memory, blocked.api_server(error))
        except Exception as error:  # a mistake in the program, which the loop logs; its next try is due with back-off
            await self._failed(body, memory, error)
            raise
        latest = self.state.trainings.get(training)
        # The answer to a write may hold a user's change, which no watch brings again.
        return following if latest is None or wishes(latest) == wishes(body) else Next(0)

    async def _clean_up(self, body: Json, memory: Memory, requests: Requests) -> Next:
        try:
            return Next() if await finalizer.clean_up(self.state, body, memory, requests) else Next(1.0)
        except StoreError as error:
            raise blocked.ledger_remains(error) from error
        finally:
            requests.settle()

    async def _blocked(self, body: Json, memory: Memory, error: Blocked) -> Next:
        memory.clock.pause()
        now = self.state.clock()
        conditions = [error.condition, progress.blocked(body, str(error), now)]
        after = status.blocked(body, str(error), memory.clock, conditions, now)
        written = await status_writer.write(self.state, body, after, counted=False)
        return Next(error.after if written else CHANGED_SECONDS)

    async def _failed(self, body: Json, memory: Memory, error: Exception) -> None:
        """Reports an unexpected error in the status. An error of this write only goes to the log."""
        memory.clock.pause()
        now = self.state.clock()
        condition = progress.failed(body, error, now)
        after = status.blocked(body, condition.message, memory.clock, [condition], now)
        try:
            await status_writer.write(self.state, body, after, counted=False)
        except ApiError as refused:
            log.warning("an error could not be reported: %s", refused, extra={"training": str(ref(body))})

    async def _body(self, training: Ref) -> Json | None:
        """From the watch; from the server when everything is to be read again."""
        memory = self.state.memories.get(training)
        if memory is None or memory.looked is None or not self._resync_is_due(memory):
            return self.state.trainings.get(training)
        return await self.state.see(training)

    def _resync_is_due(self, memory: Memory) -> bool:
        return memory.looked is None or self.state.steady() - memory.looked > self._settings.resync

    async def _run(self, training: Ref, body: Json, memory: Memory, requests: Requests) -> Next:
        try:
            spec = FederatedTrainingSpec.model_validate(body["spec"])
        except ValidationError as error:
            raise blocked.malformed(error) from error
        if self._resync_is_due(memory):
            memory.looked, memory.secret_is_new = self.state.steady(), False
        generation, hint = body["metadata"]["generation"], body.get("status", {}).get("round", 0)
        records, unread = await self._records(spec, requests, begun(hint))
        await self._listed(training, records, requests)
        here = Here(training.namespace, self._settings.namespaces)
        admitted = accepted(spec, here, records)
        if admitted.status == "False" and not begun(hint):
            raise blocked.rules(
                admitted.reason, f"{admitted.message}. The training starts by itself once this is corrected"
            )
        opened = await open_run(self.state.cluster, training, spec, generation, memory, hint)
        assert memory.gatherer is not None
        asked = askable(here, records)
        unasked = why_not_asked(here, records, [one.name for one in spec.participants if one.name not in unread])
        gatherer = Gatherer(self.state, training, body, spec, memory, self._settings.resync, records, unasked)
        executor = Executor(self.state, self._settings, training, spec, memory, asked, requests, unasked)
        if opened:
            await executor.delete_other_runs()
        try:
            revoked = {one.name for one in spec.participants} - records.keys() - unread
            await revocation.apply(self.state, training, memory, records, revoked, unread, requests, hint)
            await executor.probe()
            return await self._steps(gatherer, executor, requests, admitted)
        except StoreError as error:
            memory.secret_is_new = False  # it may have been corrected since
            if blocked.is_outage(error):
                memory.facts = None
                memory.clock.out()
            raise blocked.store(error) from error

    async def _records(
        self, spec: FederatedTrainingSpec, requests: Requests, alone: bool
    ) -> tuple[dict[str, Json], set[str]]:
        """The Participants that the training names and that exist, and the names of those that could not be read.
        `alone`: an error is that of one participant; else it raises ApiError."""
        found: dict[str, Json] = {}
        unread: set[str] = set()

        async def read(who: str) -> None:
            if (record := await self.state.participant(who)) is not None:
                found[who] = record

        for one in spec.participants:
            if alone and self.state.participants.get(Ref("", one.name)) is None:
                if not await requests.attempt(one.name, "read its Participant", lambda who=one.name: read(who)):
                    unread.add(one.name)
            else:
                await read(one.name)
        return found, unread

    async def _listed(self, training: Ref, records: Mapping[str, Json], requests: Requests) -> None:
        """Waits until tasks and Jobs were listed: before that, the caches lack existing ones. Raises ApiError."""
        streams = self.state.streams
        await streams.listed(JOB, training.namespace)
        if self.state.cluster.serves_all:
            await streams.listed(TASK, training.namespace)
            return
        namespaces = {who: str(record["spec"]["namespace"]) for who, record in records.items()}
        await asyncio.gather(
            *(
                requests.attempt(who, LIST_TASKS, lambda namespace=namespace: streams.listed(TASK, namespace))
                for who, namespace in namespaces.items()
                if not streams.is_listed(TASK, namespace)
            )
        )

    async def _steps(
        self,
        gatherer: Gatherer,
        executor: Executor,
        requests: Requests,
        admitted: Condition,
    ) -> Next:
        memory = gatherer.memory
        report: list[Event] = []
        latest = False
        for _ in range(STEPS):
            snapshot = await gatherer.gather()
            now = self.state.steady()
            decision = decide(snapshot, now)
            actions = (*decision.actions, *memory.refusals.due(decision.keep, executor.records, now))
            if decision.phase in STOPPED:
                memory.clock.pause()
                memory.refusals.stop()
            if actions and not gatherer.fresh:  # an action rests on the ledger as it is now,
                memory.facts = None
                continue
            if actions and not latest:  # and on the training as it is now
                if await self._changed(gatherer):
                    return Next(CHANGED_SECONDS)
                latest = True
            await executor.apply(actions)
            claims = [action.record for action in decision.actions if isinstance(action, Claim)]
            report += [events.retry(record) for record in claims if isinstance(record, Grant)]
            if not claims:
                break
            memory.facts = None
        else:
            return Next(0)
        if decision.phase in TERMINAL and memory.grants is not None:
            await asyncio.to_thread(memory.grants.copies.delete_unused, ())
        await executor.clear(snapshot.ledger.round - 1)
        requests.settle()
        if requests.hub_is_refused:
            wait = memory.refusals.wake_after(self.state.steady())
            raise Blocked(memory.refusals.condition(), wait or CHANGED_SECONDS)
        waiting, stuck = await self._hub_pods(gatherer, snapshot)
        if await executor.recreate(waiting, stuck, self.state.steady()):
            return Next(self._settings.pod_check)
        pod_check = self._settings.pod_check if waiting else None
        conditions = [
            admitted,
            Condition("StoreReachable", "True", "Reachable"),
            participants_seen(snapshot.silent),
            *forecast(gatherer.body, gatherer.spec, snapshot.ledger),
        ]
        pods = pod_conditions(gatherer.tasks(), list(stuck.values()))
        return await self._report(gatherer, snapshot, decision, conditions, pods, report, pod_check)

    async def _changed(self, gatherer: Gatherer) -> bool:
        """Whether the server has another version of the training, which no watch has brought yet."""
        latest = await self.state.see(gatherer.training)
        return latest is None or latest["metadata"]["resourceVersion"] != gatherer.body["metadata"]["resourceVersion"]

    async def _hub_pods(
        self, gatherer: Gatherer, snapshot: Snapshot
    ) -> tuple[Sequence[tuple[Json, list[Json]]], dict[Ref, Condition]]:
        """The hub's Jobs that wait, with their pods, and why. An error of these reads hides the reason, no more."""
        waiting: list[tuple[Json, list[Json]]] = []
        try:
            waiting = await self.state.unready(gatherer.training)
            run_id = snapshot.ledger.run.run_id
            return waiting, await why_hub_waits(self.state.cluster, gatherer.spec, run_id, waiting, self.state.clock())
        except ApiError as error:
            log.warning("cannot read why the hub's pods wait: %s", error, extra={"training": str(gatherer.training)})
            return waiting, {}

    async def _report(
        self,
        gatherer: Gatherer,
        snapshot: Snapshot,
        decision: Decision,
        conditions: Sequence[Condition],
        pods: Sequence[Condition],
        report: Sequence[Event],
        pod_check: float | None,
    ) -> Next:
        """`pod_check`: seconds until waiting pods are read again."""
        memory, steady, now = gatherer.memory, self.state.steady(), self.state.clock()
        refused = memory.refusals.condition()
        limit = seconds(gatherer.spec.rounds.deadline)
        moving = progress.progressing(decision.phase, memory.progress, limit, steady)
        current = [*conditions, *pods, refused, moving]
        after = status.of(gatherer.body, decision, snapshot, memory.rounds, memory.clock, current, now)
        if waiting := [one.message for one in (refused, *pods) if one.status == "False"]:
            after["message"] = shortened("; ".join(filter(None, (after["message"], *waiting))))
        place = status.place(after)
        if not gatherer.fresh and place != status.place(gatherer.body.get("status", {})):
            memory.facts = None  # or a coordinator that lags behind and another one overwrite each other for ever
            return Next(0)
        memory.progress.note(place, decision.phase in STOPPED, steady, now)
        written = await status_writer.write(self.state, gatherer.body, after, report, counted=True)
        due = (
            decision.wake_after,
            pod_check,
            memory.refusals.wake_after(steady),
            memory.signatures.wake_after(steady),
        )
        return Next(_soonest(due) if written else CHANGED_SECONDS)


def _soonest(due: Sequence[float | None]) -> float | None:
    known = [after for after in due if after is not None]
    return max(min(known), 0.01) if known else None
