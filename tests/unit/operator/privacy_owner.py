"""A participant's owner whose policy limits privacy loss, and tasks that the hub sends."""

from typing import Any

from fedtrain.api.training_task import TrainingTaskSpec
from fedtrain.contracts.privacy_blocks import ExampleNoise
from fedtrain.contracts.records import Run
from fedtrain.contracts.tasks import PastReleases, PrivacyPromise, Train
from fedtrain.contracts.wire.task import from_wire, to_wire
from fedtrain.manifests import labels
from fedtrain.manifests.kinds import Json, Ref
from fedtrain.manifests.policy_check import Refusal, judge, task_of
from fedtrain.manifests.privacy_ledger import Unit, entries_of, released
from fedtrain.privacy.accounting import Release
from fedtrain.rounds.snapshot import TaskKey
from tests.unit.operator.policy_tasks import IMAGE, train
from tests.unit.operator.test_participant_sites import HERE, HUB, Remote
from tests.unit.operator.test_policy_at_work import change_policy, status
from tests.unit.operator.worlds import policy, task

PLANS = ["blake3:" + str(number) * 64 for number in range(8)]


def order(
    multiplier: float = 1.0,
    round: int = 1,
    run_id: str = "run-1",
    released: dict[float, int] | None = None,
    plan: int | None = None,
    **fields: Any,
) -> TrainingTaskSpec:
    """A task of bank-b that promises noise. `released`: before the round, as the hub says."""
    asked = train()
    plain = from_wire(asked.task.model_dump(mode="json", by_alias=True, exclude_none=True))
    assert isinstance(plain.work, Train)
    past = tuple(PastReleases(multiplier=one, count=count) for one, count in (released or {}).items())
    promise = PrivacyPromise(unit="Participant", multiplier=multiplier, delta=1e-5, released=past)
    work = plain.work.model_copy(update={"plan": PLANS[round if plan is None else plan]})
    whole = plain.model_copy(update={"privacy": promise, "round": round, "run_id": run_id, "work": work, **fields})
    content = asked.model_dump(mode="json", by_alias=True, exclude_none=True)
    return TrainingTaskSpec.model_validate({**content, "task": to_wire(whole)})


def refused(asked: TrainingTaskSpec, **privacy: Any) -> str:
    judged = judge(asked, policy(privacy=privacy), IMAGE)
    return judged.message if isinstance(judged, Refusal) else ""


def of_examples(multiplier: float, testing_seed: int | None = None) -> TrainingTaskSpec:
    """A task in which bank-b adds noise to the gradients of its rows."""
    asked = train()
    plain = from_wire(asked.task.model_dump(mode="json", by_alias=True, exclude_none=True))
    noise = ExampleNoise(probability=0.1, batch=10, steps=5, bound=1.0, multiplier=multiplier)
    work = plain.work.model_copy(update={"example_noise": noise, "testing_seed": testing_seed})
    content = asked.model_dump(mode="json", by_alias=True, exclude_none=True)
    return TrainingTaskSpec.model_validate({**content, "task": to_wire(plain.model_copy(update={"work": work}))})


class Owner:
    """bank-b with its ledger: rounds that start are entered."""

    def __init__(self, **privacy: Any) -> None:
        self.remote = Remote()
        change_policy(self.remote, privacy=privacy)
        self._number = 0

    def ask(self, asked: TrainingTaskSpec, fault: Any = None) -> Json:
        """A new task of the hub; its status once the controller has seen it."""
        self._number += 1
        body = task("bank-b")
        order = task_of(asked)
        claimed = Run(run_id=order.run_id, namespace=order.namespace, name=order.name, spec={})
        key = TaskKey(order.round, "Train", "bank-b", order.attempt)
        metadata = {"name": f"task-{self._number}", "labels": labels.of_task(claimed, key)}
        body = {**body, "metadata": body["metadata"] | metadata}
        body["spec"] = asked.model_dump(mode="json", by_alias=True, exclude_none=True)
        self.remote.ref = Ref(HUB, f"task-{self._number}")
        self.remote.tasks.tasks.put(self.remote.hub.add("trainingtasks", body))
        self.remote.here.fault = fault or (lambda _: None)
        self.remote.reconcile()
        return status(self.remote)

    @property
    def ledger(self) -> dict[str, str]:
        return self.remote.here.objects["configmaps", HERE, "fedtrain-privacy"]["data"]

    @property
    def counts(self) -> dict[Release, int]:
        return self.counts_of("Participant")

    def counts_of(self, unit: Unit) -> dict[Release, int]:
        return released(entries_of(self.ledger, "bank-b"), {"tickets"}, unit)
