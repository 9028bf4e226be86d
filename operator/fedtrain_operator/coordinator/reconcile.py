"""One pass over a FederatedTraining: gather (API objects first, ledger second), decide, apply, tell."""

import asyncio
import time
from collections.abc import Callable

from pydantic import ValidationError

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.gathering.ledger_facts import LedgerGatherer
from fedtrain.ledger.admission import SpecDiffers, claim_run, new_run
from fedtrain.ledger.probe import probe
from fedtrain.ledger.store import StoreError, StoreUnavailable
from fedtrain.rounds.decide import decide
from fedtrain.rounds.decision import Claim, Decision
from fedtrain.rounds.snapshot import Snapshot
from fedtrain_operator.coordinator import events, leaving, status
from fedtrain_operator.coordinator.hands import Hands
from fedtrain_operator.coordinator.rules import Here, accepted
from fedtrain_operator.coordinator.silence import seen
from fedtrain_operator.coordinator.stores import NoCredentials, open_ledger
from fedtrain_operator.coordinator.view import last_rounds
from fedtrain_operator.coordinator.waiting import schedulable
from fedtrain_operator.coordinator.world import Memory, World
from fedtrain_operator.shared.cluster import ApiError
from fedtrain_operator.shared.conditions import Said
from fedtrain_operator.shared.kinds import EVENT, SECRET, TRAINING, Json, Ref
from fedtrain_operator.shared.loops import Next
from fedtrain_operator.shared.settings import Settings

STEPS = 16
"""Decisions in one pass: a claim makes the next one due at once."""
STORE_PAUSE_SECONDS = 5.0
RULES_PAUSE_SECONDS = 30.0


class Blocked(Exception):
    """Nothing can be decided now; `said` is why."""

    def __init__(self, said: Said, after: float) -> None:
        self.said = said
        self.after = after
        super().__init__(said.message)


class Coordinator:
    """All FederatedTrainings that this operator sees. `clock` is the wall's, for the status; `steady` decides."""

    def __init__(
        self,
        world: World,
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
        body = self.world.trainings.get(training)
        if body is None:
            self.world.memories.pop(training, None)
            return Next(forget=True)
        memory = self.world.memory(training, body)
        if body["metadata"].get("deletionTimestamp"):
            if not leaving.held(body):
                return Next()
            return Next() if await leaving.leave(self.world, body, memory, self._steady()) else Next(1.0)
        if not leaving.held(body):
            body = await leaving.hold(self.world.cluster, body)
            self.world.trainings.put(body)
        try:
            return await self._go_on(training, body, memory)
        except Blocked as blocked:
            memory.clock.pause()
            phase = body.get("status", {}).get("phase", "Pending") if memory.run else "Pending"
            await self._tell(body, status.blocked(body, phase, str(blocked), [blocked.said], self._clock()))
            return Next(blocked.after)

    async def _go_on(self, training: Ref, body: Json, memory: Memory) -> Next:
        try:
            spec = FederatedTrainingSpec.model_validate(body["spec"])
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            said = f"spec.{'.'.join(map(str, problem['loc']))}: {problem['msg']}. Update the operator or the CRDs"
            raise Blocked(Said("Accepted", "False", "Malformed", said), RULES_PAUSE_SECONDS) from error
        if memory.looked is None or self._steady() - memory.looked > self._settings.resync:
            await self.world.look(training)
            memory.looked = self._steady()
            memory.copied.clear()
        records = {one.name: found for one in spec.participants if (found := await self.world.participant(one.name))}
        judged = accepted(spec, Here(training.namespace, self._settings.namespaces), records)
        if judged.status == "False" and not body.get("status", {}).get("round"):
            raise Blocked(judged, RULES_PAUSE_SECONDS)
        await self._open(training, body, spec, memory)
        try:
            served = {who: one for who, one in records.items() if self.world.cluster.serves(one["spec"]["namespace"])}
            return await self._steps(training, body, spec, memory, served)
        except StoreUnavailable as error:
            memory.facts = None
            raise Blocked(Said("StoreReachable", "False", "Unavailable", str(error)), STORE_PAUSE_SECONDS) from error
        except StoreError as error:
            raise Blocked(Said("StoreReachable", "False", "Refused", str(error)), RULES_PAUSE_SECONDS) from error

    async def _steps(
        self, training: Ref, body: Json, spec: FederatedTrainingSpec, memory: Memory, records: dict[str, Json]
    ) -> Next:
        hands = Hands(self.world, self._settings, training, spec, memory, records)
        asked: int | None = None
        for _ in range(STEPS):
            fresh = memory.facts is None
            snapshot = await self._gather(training, body, spec, memory, asked)
            asked = snapshot.acknowledged
            decision = decide(snapshot, self._steady())
            if decision.phase == "Suspended":
                memory.clock.pause()
            claims = any(isinstance(action, Claim) for action in decision.actions)
            if not claims or fresh:  # what is claimed rests on the ledger of now
                await hands.apply(decision.actions)
            if not claims:
                break
            memory.facts = None
        else:
            return Next(0)
        await hands.clear(snapshot.ledger.round - 1)
        stuck = schedulable(self.world.tasks.of(training))
        reached = Said("StoreReachable", "True", "Reachable")
        silent = self.world.heard.silent(records, self._settings.heartbeat)
        said = [Said("Accepted", "True", "Valid"), reached, stuck, seen(silent, records)]
        after = status.of(body, decision, snapshot, memory.rounds, memory.clock, said, self._clock())
        if stuck.status == "False":
            after["message"] = stuck.message
        await self._tell(body, after)
        return Next(_wait(decision))

    async def _gather(
        self, training: Ref, body: Json, spec: FederatedTrainingSpec, memory: Memory, asked: int | None
    ) -> Snapshot:
        """API objects first, ledger second: what the ledger says of an object that has ended is then no older."""
        assert memory.gatherer is not None
        assert memory.ledger is not None
        await self.world.why_jobs_failed(training, memory)
        executions = memory.executions.of(
            memory.gatherer.run.run_id,
            self.world.tasks.of(training),
            self.world.jobs.of(training),
            lambda job: memory.verdicts[job["metadata"]["uid"]],
            self._steady(),
        )
        ended = frozenset(item for item in executions.items() if item[1].state != "Running")
        generation = (body["metadata"].get("generation"), tuple(body["metadata"].get("annotations") or ()))
        seen = ended | {generation}
        now = self._steady()
        if memory.facts is None or seen != memory.ended or now - memory.read > self._settings.resync:
            gatherer, ledger = memory.gatherer, memory.ledger
            facts = await asyncio.to_thread(gatherer.gather)
            memory.rounds = await asyncio.to_thread(last_rounds, spec, ledger, facts)
            memory.facts, memory.ended, memory.read = facts, seen, now
        facts = memory.facts
        elapsed = memory.clock.tick(facts.current.round, len(facts.failures) + 1, now)
        return Snapshot(
            spec=spec,
            ledger=facts,
            executions=executions,
            elapsed=elapsed,
            acknowledged=status.acknowledged(body, len(facts.failures)) if asked is None else asked,
            suspended=spec.suspend,
        )

    async def _open(self, training: Ref, body: Json, spec: FederatedTrainingSpec, memory: Memory) -> None:
        """The ledger, with the credentials of now, and this run's claim of it."""
        secret = await self._secret(training, spec, memory)
        if memory.ledger is None or _data(secret) != _data(memory.secret):
            memory.secret, memory.gatherer = secret, None
            memory.copied.clear()
        if memory.gatherer is not None:
            return
        wanted = new_run(training.namespace, training.name, spec)

        def claim() -> None:
            ledger = open_ledger(spec.storage, training.namespace, training.name, secret)
            if ledger.size("run.json") is None:
                probe(ledger.store)
            memory.ledger, memory.run = ledger, claim_run(ledger, wanted)

        try:
            await asyncio.to_thread(claim)
        except SpecDiffers as error:
            raise Blocked(Said("Accepted", "False", "SpecDiffers", str(error)), RULES_PAUSE_SECONDS) from error
        except NoCredentials as error:
            raise Blocked(Said("StoreReachable", "False", "NoCredentials", str(error)), STORE_PAUSE_SECONDS) from error
        except StoreUnavailable as error:
            raise Blocked(Said("StoreReachable", "False", "Unavailable", str(error)), STORE_PAUSE_SECONDS) from error
        except StoreError as error:
            raise Blocked(Said("StoreReachable", "False", "Refused", str(error)), RULES_PAUSE_SECONDS) from error
        assert memory.ledger is not None
        assert memory.run is not None
        memory.gatherer, memory.facts = LedgerGatherer(memory.ledger, memory.run), None

    async def _secret(self, training: Ref, spec: FederatedTrainingSpec, memory: Memory) -> Json | None:
        """The Secret that the file names, read anew with each resync."""
        s3 = spec.storage.s3
        if s3 is None or s3.credentials_secret_ref is None:
            return None
        if memory.secret is not None and memory.copied:
            return memory.secret
        name = Ref(training.namespace, s3.credentials_secret_ref.name)
        secret = await self.world.cluster.get(SECRET, name)
        if secret is None:
            said = f"there is no Secret {name.name!r} in namespace {name.namespace!r} (storage.s3.credentialsSecretRef)"
            raise Blocked(Said("StoreReachable", "False", "NoCredentials", said), STORE_PAUSE_SECONDS)
        return secret

    async def _tell(self, body: Json, after: Json) -> None:
        """Writes the status, if it says something new; then the events; then takes back what was asked once."""
        before = body.get("status", {})
        training = Ref(body["metadata"]["namespace"], body["metadata"]["name"])
        if not status.worth_writing(before, after):
            return
        told = await self.world.cluster.patch(TRAINING, training, status.change(before, after), "status")
        if told is None:
            return
        self.world.trainings.put(told)
        for one in events.story(before, after):
            try:
                await self.world.cluster.create(EVENT, events.event(body, one, self._clock()))
            except ApiError as error:
                if error.code in (0, 403):  # a story that can't be told stops nothing
                    break
        if status.RESUME in (body["metadata"].get("annotations") or {}) and "acknowledged" in after:
            await self.world.cluster.patch(TRAINING, training, {"metadata": {"annotations": {status.RESUME: None}}})


def _wait(decision: Decision) -> float | None:
    return None if decision.wake_after is None else max(decision.wake_after, 0.01)


def _data(secret: Json | None) -> Json | None:
    return None if secret is None else secret.get("data")
