"""A coordinator over an API server in memory and a ledger in a folder, with four participants."""

import asyncio
from collections.abc import Collection
from pathlib import Path
from typing import Any, cast

import pytest
from fedtrain_operator.coordinator.reconcile import Coordinator
from fedtrain_operator.coordinator.state import ClusterState
from fedtrain_operator.kube.api_error import ApiError
from fedtrain_operator.kube.loops import Next
from fedtrain_operator.kube.streams import Streams

from fedtrain.contracts import names
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.digests import digest_bytes
from fedtrain.contracts.records import Initial, ModelFacts, Plan
from fedtrain.contracts.task_names import record_of
from fedtrain.contracts.tasks import Task, Train
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.contracts.wire.transfer import SignedRecord, SignedRequest, TransferGrant
from fedtrain.ledger.blob_copies import BlobCopies
from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import StoreError, StoreUnavailable
from fedtrain.manifests.conditions import find
from fedtrain.manifests.kinds import Json, Kind, Ref
from tests.support.tasks import DIGEST
from tests.support.updates import an_update
from tests.unit.operator.api_server import ApiServer
from tests.unit.operator.worlds import SETTINGS, spec

TRAINING = Ref("hub", "tickets")
FOUR = ("bank-a", "bank-b", "bank-c", "bank-d")
OTHERS = {f"at-{who}" for who in FOUR if who != "bank-b"}


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Listed:
    """Streams that have listed everything."""

    errors: dict[str, ApiError]

    def __init__(self) -> None:
        self.errors = {}

    def is_listed(self, kind: Kind, namespace: str) -> bool:
        return namespace not in self.errors

    async def listed(self, kind: Kind, namespace: str, seconds: float = 5.0) -> None:
        if namespace in self.errors:
            raise self.errors[namespace]


class Uploads:
    """`aborted`: the names of files."""

    def __init__(self) -> None:
        self.aborted: list[str] = []

    def complete(self, name: str) -> None:
        raise AssertionError(name)

    def abort(self, name: str) -> None:
        self.aborted.append(name)


class Copies(BlobCopies):
    """Without a store. `withdrawn`: the readers whose copies were left, for each request to withdraw the others.
    `refusal`: of the store to copy."""

    def __init__(self) -> None:
        super().__init__(cast(Any, None), cast(Any, None), "run")
        self.withdrawn: list[str] = []
        self.fails = False
        self.refusal: StoreError | None = None

    def check(self) -> None:
        if self.refusal is not None:
            raise self.refusal

    def withdraw(self) -> None:
        if self.fails:
            raise StoreUnavailable("the store does not answer.")
        self.withdrawn.append(self.readers)

    def delete_unused(self, running: Collection[str]) -> None:
        pass


class SignsAnything:
    """Grants of a store in a folder, which has no signatures. `tasks`: those that were signed."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.uploads = Uploads()
        self.copies = Copies()
        self.signer = "http://store:9000 "

    def grant(self, task: Task, uid: str) -> TransferGrant:
        if isinstance(task.work, Train):
            self.copies.check()
        self.tasks.append(task)
        record = SignedRecord(name="record", read=SignedRequest(url=f"http://store:9000/runs/{uid}"), writes=())
        copy = SignedRequest(url=f"http://store:9000/runs/copies/{task.run_id}/{self.copies.readers}/adapter")
        return TransferGrant(task=uid, record=record, blobs={DIGEST: copy} if isinstance(task.work, Train) else {})

    def created(self, task: Task, uid: str) -> tuple[str, ...]:
        """One object of the task's record, as if it had no others."""
        return (names.incoming(task.run_id, record_of(task)[1]),)


class Federation:
    """`server` may be told to refuse; `time` is the coordinator's only clock."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, *served: str) -> None:
        monkeypatch.setattr("fedtrain_operator.coordinator.requests.PATIENCE_SECONDS", 0.01)
        self.folder = folder
        self.ledger = Ledger(FileStore(folder), TRAINING.namespace, TRAINING.name)
        monkeypatch.setattr("fedtrain_operator.coordinator.run_claim.open_ledger", lambda *_: self.ledger)
        self.grants = SignsAnything()
        monkeypatch.setattr("fedtrain_operator.coordinator.run_claim.open_grants", lambda *_: self.grants)
        self.server, self.time, self.streams = ApiServer(*served), Time(), Listed()
        self.state = ClusterState(self.server, cast(Streams, self.streams), self.time, self.time)
        self.coordinator = Coordinator(self.state, SETTINGS)
        self.server.add("secrets", {"metadata": {"name": "bucket-keys", "namespace": "hub"}, "data": {"A": "x"}})
        for who in FOUR:
            record = {"namespace": f"at-{who}", "allowedNamespaces": ["*"]}
            status = {"datasets": [{"name": "tickets"}]}
            self.server.add("participants", {"metadata": {"name": who}, "spec": record, "status": status})

    def apply(self, **changes: Any) -> None:
        whole = spec(participants=[{"name": who} for who in FOUR], **changes)
        content = whole.model_dump(mode="json", by_alias=True, exclude_none=True)
        metadata = {"name": TRAINING.name, "namespace": TRAINING.namespace}
        self.state.trainings.put(self.server.add("federatedtrainings", {"metadata": metadata, "spec": content}))

    def change(self, **fields: Any) -> None:
        body = self.training
        body["spec"] |= fields
        body["metadata"]["generation"] += 1
        self.state.trainings.put(self.server.add("federatedtrainings", body))

    def delete(self) -> None:
        """Begin the deletion. All tasks have stopped."""
        for task in self.server.all("trainingtasks"):
            self.state.tasks.put(self.server.add("trainingtasks", {**task, "status": {"phase": "Cancelled"}}))
        body = self.training
        body["metadata"]["deletionTimestamp"] = "2025-06-01T12:00:00Z"
        self.state.trainings.put(self.server.add("federatedtrainings", body))

    def reconcile(self) -> Next:
        return asyncio.run(self.coordinator.reconcile(TRAINING))

    def settle(self, passes: int = 5) -> None:
        for _ in range(passes):
            self.reconcile()

    @property
    def training(self) -> Json:
        return self.server.objects["federatedtrainings", TRAINING.namespace, TRAINING.name]

    @property
    def status(self) -> Json:
        return self.training.get("status", {})

    def condition(self, name: str) -> Json:
        return find(self.status.get("conditions", ()), name) or {}

    def namespaces(self, verb: str, kind: str) -> set[str]:
        """The namespaces of all writes of this sort."""
        return {one.namespace for one in self.server.requests if (one.verb, one.kind) == (verb, kind)}

    def warnings(self) -> set[tuple[str, str]]:
        events = self.server.all("events")
        return {(one["reason"], one["message"]) for one in events if one["type"] == "Warning"}

    def deliver_preflights(self, *participants: str) -> None:
        """As their tasks would."""
        run = self.state.memories[TRAINING].run
        assert run is not None
        for who in participants:
            found = Preflight(
                run_id=run.run_id,
                participant=who,
                samples=100,
                validation_samples=10,
                fingerprint=digest_bytes(who.encode()),
            )
            self.ledger.claim(names.preflight(who), found)
            self._end_task(f"-inspect-{who}-")

    def deliver_adapter(self) -> None:
        """As the hub's Job would."""
        run = self.state.memories[TRAINING].run
        assert run is not None
        facts = ModelFacts(base_parameters=1000, adapter_parameters=32, hidden_size=8, layers=1, vocabulary=32)
        adapter, config = self.ledger.put_blob(b"adapter"), self.ledger.put_blob(b"{}")
        self.ledger.claim(names.initial(), Initial(run_id=run.run_id, adapter=adapter, config=config, facts=facts))

    def deliver_update(self, who: str) -> None:
        """As its task in round 1 would."""
        plan = self.ledger.read(names.plan(1), Plan)
        assert plan is not None
        (member,) = [one for one in plan.members if one.participant == who]
        file = f"{names.plan_prefix(digest_of(plan))}update.safetensors"
        store, content = FileStore(self.folder), who.encode()
        store.create(self.ledger.key(f"{names.update_folder(1, who, 1)}/{file}"), content)
        made = an_update(
            run_id=plan.run_id,
            participant=who,
            file=file,
            digest=digest_bytes(content),
            size=len(content),
            samples=member.samples,
            distinct=member.distinct,
        )
        self.ledger.claim(names.update(1, who, 1), made)
        self._end_task(f"-train-{who}-")

    def restart(self, **settings: Any) -> None:
        """The operator starts again, and has not yet listed tasks."""
        training = self.training
        self.state = ClusterState(self.server, cast(Streams, self.streams), self.time, self.time, **settings)
        self.coordinator = Coordinator(self.state, SETTINGS)
        self.state.trainings.put(training)

    def _end_task(self, text: str) -> None:
        for body in self.server.all("trainingtasks"):
            if text in body["metadata"]["name"]:
                self.state.tasks.put(self.server.add("trainingtasks", {**body, "status": {"phase": "Succeeded"}}))
