"""Tasks that a participant's policy judges."""

from typing import Any

from fedtrain.api.rules.policy.rule import Situation
from fedtrain.api.training_task import TrainingTaskSpec
from fedtrain.contracts.tasks import PrivacyPromise
from fedtrain.contracts.wire.task import to_wire
from fedtrain.manifests.training_task import plain
from fedtrain.rounds import orders
from fedtrain.rounds.snapshot import TaskKey
from tests.support.tasks import train_work
from tests.unit.operator.worlds import run, spec

IMAGE = "registry.example.org/trainer@sha256:" + "0" * 64


FREE = Situation(now=0.0, running=0)


def train(distinct: int = 500, promised: float | None = None, **changes: Any) -> TrainingTaskSpec:
    """A task of bank-b that trains on `distinct` rows. `promised`: noise multiplier of the hub."""
    whole, claimed = spec(**changes), run("federations", "tickets")
    key = TaskKey(1, "Train", "bank-b", 1)
    work = train_work(population=1000, samples=1000, distinct=distinct)
    task = orders.inspect_task(whole, claimed, key).model_copy(update={"work": work})
    if promised is not None:
        promise = PrivacyPromise(unit="Participant", multiplier=promised, delta=1e-5)
        task = task.model_copy(update={"privacy": promise})
    return TrainingTaskSpec.model_validate(
        {
            "task": to_wire(task),
            "compute": plain(whole.participant("bank-b").compute),
            "storage": plain(whole.storage),
            "timeout": "4h",
        }
    )


def with_compute(**compute: Any) -> dict[str, Any]:
    return {"participants": [{"name": "bank-a"}, {"name": "bank-b", "compute": compute}]}


def with_rank(rank: int) -> dict[str, Any]:
    return {"model": {"base": "s3://models/base", "adapter": {"rank": rank}}}


def with_epochs(epochs: float) -> dict[str, Any]:
    return {"training": {"length": {"type": "Epochs", "epochs": epochs}, "batchSize": 10}}


def base(name: str, endpoint: str | None = None) -> dict[str, Any]:
    revision = {"revision": "0" * 40} if name.count("/") == 1 else {}
    server = {"s3": {"endpoint": endpoint}} if endpoint else {}
    return {"model": {"base": name, **revision, **server}}
