"""A recorded run, replayed: the same snapshots give the same decisions."""

import queue
from functools import partial
from pathlib import Path

from federation import Small

from fedtrain.api.reading import read_file
from fedtrain.results.summary import summarise
from fedtrain.rounds.decide import decide
from fedtrain.rounds.decision import Decision
from fedtrain.rounds.snapshot import Snapshot
from fedtrain.runner.run import run
from fedtrain.runner.worker_pool import WorkerPool
from tests.support.zygote import launch


def test_decisions_of_a_real_run_replay_from_its_snapshots(zygote: str, undisturbed: Small, tmp_path: Path) -> None:
    small = Small(tmp_path / "run")
    trace: queue.SimpleQueue[tuple[Snapshot, float, Decision]] = queue.SimpleQueue()
    pool = WorkerPool(partial(launch, zygote), 2)
    try:
        outcome = run(
            read_file(small.file),
            listener=lambda event: None,
            pool=pool,
            observe=lambda snapshot, now, decision: trace.put((snapshot, now, decision)),
        )
    finally:
        pool.close()
    assert outcome.phase == "Succeeded"
    steps = [trace.get() for _ in range(trace.qsize())]
    assert [decide(snapshot, now) for snapshot, now, _ in steps] == [decision for _, _, decision in steps]
    phases = [decision.phase for _, _, decision in steps]
    assert {"Training", "Closing", "Aggregating", "Evaluating", "Recording", "Succeeded"} <= set(phases)
    assert small.digests() == undisturbed.digests()


def test_the_first_tasks_include_the_start_time_of_their_workers(undisturbed: Small) -> None:
    rounds = summarise(undisturbed.ledger).rounds
    first = [task.worker for round in rounds for task in round.tasks if task.starting > 0]
    workers = {task.worker for round in rounds for task in round.tasks if task.worker >= 0}
    assert sorted(first) == sorted(workers)
