"""Puts trainings in the middle of a round where an operator finds them: ledgers in a bucket, objects in the API."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

from fedtrain_operator.kube.client import Cluster
from fedtrain_operator.participant import task_status

from benchmarks.scale.federation import ADAPTER, CONFIG, Training
from fedtrain.api.storage import Storage
from fedtrain.contracts.canonical import canonical
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.s3_credentials import Fixed, Keys
from fedtrain.ledger.s3_store import S3Store
from fedtrain.manifests.conditions import Condition
from fedtrain.manifests.kinds import PARTICIPANT, SECRET, TASK, TRAINING, Json, Kind, Ref
from fedtrain.manifests.launcher import Standing
from hack.cluster.s3_server import S3Server

NAMESPACES = Kind("api/v1", "namespaces", "Namespace")
HUB = "hub"
BUCKET = "ledgers"
SECRET_NAME = "bucket-keys"
AT_ONCE = 24
T = TypeVar("T")


def trainings(s3_server: S3Server, count: int, participants: int, banks: int) -> list[Training]:
    """`participants` of each training, which are taken in turn from `banks` of the federation."""
    turn = itertools.cycle(f"bank-{number:02}" for number in range(banks))
    s3 = {
        "bucket": BUCKET,
        "endpoint": s3_server.endpoint,
        "region": s3_server.region,
        "credentialsSecretRef": {"name": SECRET_NAME},
    }
    storage = {"type": "S3", "s3": s3}
    return [
        Training(Ref(HUB, f"training-{number:04}"), tuple(itertools.islice(turn, participants)), storage)
        for number in range(count)
    ]


def write_ledgers(s3_server: S3Server, those: Sequence[Training]) -> None:
    s3_server.client.create_bucket(Bucket=BUCKET)
    size = len(those) // 16 + 1
    parts = [those[start : start + size] for start in range(0, len(those), size)]
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(_write, parts, itertools.repeat(s3_server.access_key), itertools.repeat(s3_server.secret_key)))


async def create_objects(cluster: Cluster, s3_server: S3Server, those: Sequence[Training]) -> None:
    """Everything but the pods: Participants that have said what they have, trainings, running tasks."""
    who = sorted({name for training in those for name in training.participants})
    await all_of((HUB, *who), lambda name: cluster.create(NAMESPACES, {"metadata": {"name": name}}))
    keys = {"AWS_ACCESS_KEY_ID": s3_server.access_key, "AWS_SECRET_ACCESS_KEY": s3_server.secret_key}
    secret = {"metadata": {"name": SECRET_NAME, "namespace": HUB}, "stringData": keys}
    await cluster.create(SECRET, secret)
    await all_of(who, lambda name: _participant(cluster, name))
    await all_of((task for training in those for task in training.tasks()), lambda task: _running(cluster, task))
    await all_of(those, lambda training: cluster.create(TRAINING, training.body))


async def all_of(items: Iterable[T], do: Callable[[T], Awaitable[object]]) -> None:
    """`do` of each, several at a time."""
    waiting = iter(items)

    async def work() -> None:
        for item in waiting:
            await do(item)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


async def _participant(cluster: Cluster, name: str) -> None:
    record = {"namespace": name, "allowedNamespaces": [HUB]}
    body = {"apiVersion": PARTICIPANT.api_version, "kind": PARTICIPANT.name, "metadata": {"name": name}, "spec": record}
    made = await cluster.create(PARTICIPANT, body)
    await cluster.write_status(PARTICIPANT, made, {"datasets": [{"name": "rows"}]})


async def _running(cluster: Cluster, task: Json) -> None:
    made = await cluster.create(TASK, task)
    await cluster.write_status(TASK, made, running(made))


def running(task: Json) -> Json:
    """What a participant reports of a task whose pods run."""
    return task_status.of_job(task, Standing("Running"), None, None, time.time())


def stuck(task: Json) -> Json:
    """What it reports when no node takes them."""
    why = f"{task['spec']['task']['participant']} asks for 1 cores, 2Gi of memory on 1 node, none has enough cpu free"
    said = Condition("Schedulable", "False", "Unschedulable", why)
    return task_status.of_job(task, Standing("Pending"), None, said, time.time())


def _write(those: Sequence[Training], key_id: str, secret: str) -> None:
    s3 = Storage.model_validate(those[0].storage).s3
    assert s3 is not None
    store = S3Store(s3, credentials=Fixed(Keys(key_id=key_id, secret=secret)))
    for training in those:
        for name, record in training.records():
            store.create(f"{training.ref.namespace}/{training.ref.name}/{name}", canonical(record))
        ledger = Ledger(store, training.ref.namespace, training.ref.name)
        ledger.put_blob(ADAPTER)
        ledger.put_blob(CONFIG)
