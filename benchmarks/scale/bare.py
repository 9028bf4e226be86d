"""The least that any coordinator does, for comparison: from a task's event to the training's status, with nothing
decided and nothing kept but who is stuck. `python -m benchmarks.scale.bare`."""

import asyncio
from collections import defaultdict

from fedtrain_operator.coordinator.pending_pods import pod_conditions
from fedtrain_operator.kube.client import Cluster

from benchmarks.scale.watching import login, watch
from fedtrain.manifests import labels
from fedtrain.manifests.conditions import merged
from fedtrain.manifests.kinds import TASK, TRAINING, Json, Ref, ref

READY = "all tasks are known"


async def main() -> None:
    cluster = Cluster(login)
    tasks: dict[Ref, dict[str, Json]] = {}
    locks: dict[Ref, asyncio.Lock] = defaultdict(asyncio.Lock)
    running: set[asyncio.Task[None]] = set()
    trainings = {ref(body): body for body in await cluster.list_everywhere(TRAINING, {})}
    there = len(await cluster.list_everywhere(TASK, labels.OURS))

    async def tell(training: Ref) -> None:
        said = merged((), pod_conditions(list(tasks[training].values())), 1, 0)
        async with locks[training]:
            told = await cluster.write_status(TRAINING, trainings[training], {"conditions": said})
            assert told is not None
            trainings[training] = told

    async for event in watch(TASK):
        body = event["object"]
        training = labels.training_of(body)
        assert training is not None
        slim = {"spec": {}, "status": body.get("status", {})}
        tasks.setdefault(training, {})[body["metadata"]["name"]] = slim
        there -= event["type"] == "ADDED"
        if there == 0:
            print(READY, flush=True)
            there = -1
        if event["type"] == "MODIFIED":
            task = asyncio.create_task(tell(training))
            running.add(task)
            task.add_done_callback(running.discard)


if __name__ == "__main__":
    asyncio.run(main())
