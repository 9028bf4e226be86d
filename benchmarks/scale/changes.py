"""Tasks whose pods find no node, and then do: each changes what the training's status says, and needs no store read.

The time from a change to the coordinator's write begins when the API server has answered the change, and ends when a
watch brings a status of the training that says what is so now.
"""

import asyncio
import gc
import random
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field

from fedtrain_operator.kube.client import Cluster

from benchmarks.scale.seeding import running, stuck
from benchmarks.scale.watching import login, watch
from fedtrain.manifests import labels
from fedtrain.manifests.conditions import find
from fedtrain.manifests.kinds import TASK, TRAINING, Json, Ref, ref


@dataclass
class _Change:
    who: str
    stuck: bool
    at: float


@dataclass
class Changes:
    """`latencies`: seconds, of every change that was answered; `lost`: changes that none answered within 20 s. One
    that is taken back before it was answered is neither."""

    latencies: list[float] = field(default_factory=list[float])
    lost: int = 0
    _open: dict[Ref, list[_Change]] = field(default_factory=dict[Ref, list[_Change]])
    _stuck: set[Ref] = field(default_factory=set[Ref])
    _locks: dict[Ref, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def make(self, per_second: float, seconds: float) -> None:
        """Changes random tasks at this rate, then waits for the last answers."""
        cluster = Cluster(login)
        tasks = [_slim(task) async for page in cluster.pages(TASK, "", labels.OURS) for task in page["items"]]
        self._stuck = {ref(task) for task in tasks if task["status"]["phase"] == "Pending"}
        everyone = asyncio.Event()
        listening = asyncio.create_task(self._listen({labels.training_of(task) for task in tasks}, everyone))
        await everyone.wait()
        gc.collect()
        gc.freeze()  # a collection of all that was listed takes longer than an answer
        changing: list[asyncio.Task[None]] = []
        rng = random.Random(0)
        begin = time.monotonic()
        total = int(per_second * seconds)
        for number in range(total):
            await asyncio.sleep(max(0.0, begin + number / per_second - time.monotonic()))
            changing.append(asyncio.create_task(self._change(cluster, rng.choice(tasks))))
        self.rate = total / (time.monotonic() - begin)
        await asyncio.gather(*changing)
        with suppress(TimeoutError):
            async with asyncio.timeout(20):
                while any(self._open.values()):
                    await asyncio.sleep(0.05)
        self.lost = sum(map(len, self._open.values()))
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
        await cluster.close()

    async def _change(self, cluster: Cluster, task: Json) -> None:
        name = ref(task)
        now_stuck = name not in self._stuck
        (self._stuck.add if now_stuck else self._stuck.remove)(name)
        training = labels.training_of(task)
        assert training is not None
        who = task["spec"]["task"]["participant"]
        content = (stuck if now_stuck else running)(task)
        change = _Change(who, now_stuck, float("inf"))
        others = [one for one in self._open.get(training, []) if one.who != who]
        taken_back = len(others) < len(self._open.get(training, []))  # what is told may be right already
        self._open[training] = others if taken_back else [*others, change]
        async with self._locks[name]:
            told = await cluster.write_status(TASK, task, content)
            assert told is not None, f"{name} was changed by somebody else"
            task["metadata"]["resourceVersion"] = told["metadata"]["resourceVersion"]
        change.at = time.monotonic()

    async def _listen(self, unseen: set[Ref | None], everyone: asyncio.Event) -> None:
        async for event in watch(TRAINING):
            body = event["object"]
            unseen.discard(ref(body))
            if not unseen:
                everyone.set()
            said = find(body.get("status", {}).get("conditions", ()), "Schedulable") or {}
            now = time.monotonic()
            waiting = self._open.get(ref(body), [])
            for change in list(waiting):
                if (change.who in said.get("message", "")) == change.stuck:
                    waiting.remove(change)
                    self.latencies.append(max(0.0, now - change.at))


def _slim(task: Json) -> Json:
    metadata = {
        name: task["metadata"][name] for name in ("name", "namespace", "labels", "generation", "resourceVersion")
    }
    return {
        "metadata": metadata,
        "spec": {"task": {"participant": task["spec"]["task"]["participant"]}},
        "status": task["status"],
    }
