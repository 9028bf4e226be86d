"""Latency, start and memory of the operator with many trainings, beside their targets.

    python -m benchmarks.operator_scale                    # 1,000 trainings of 10 of 100 participants, all in mid-round
    python -m benchmarks.operator_scale --smoke            # the same in small, for the test suite

On a real API server and S3 server. A task's status changes 100 times a second, in a way that changes the training's
status and needs no read of the ledger. The latency is the time until the coordinator has written that status. A bare
loop without decisions is measured too, because other work of the machine slows both. Exits with 1 if
a target is missed.
"""

import argparse
import asyncio
import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

from fedtrain_operator.kube.client import Cluster

from benchmarks.scale import bare, seeding
from benchmarks.scale.changes import Changes
from benchmarks.scale.process import Process
from benchmarks.scale.watching import login
from hack.cluster.control_plane import ControlPlane
from hack.cluster.s3_server import S3Server

CRDS = sorted((Path(__file__).parents[1] / "crds").glob("*.yaml"))
LATENCY_SECONDS = 0.050
MEMORY_MIB = 350.0
START_SECONDS = 20.0


@dataclass(frozen=True)
class Size:
    trainings: int
    participants: int
    """Participants of each training."""
    banks: int
    """Participants of the federation."""
    rate: float
    """Changes a second."""
    seconds: float
    """Duration of the changes."""
    patience: float = 600.0


WHOLE, SMOKE = Size(1000, 10, 100, 100.0, 60.0), Size(10, 3, 5, 10.0, 2.0)


@dataclass(frozen=True)
class Measured:
    start: float
    memory: float
    operator: list[float]
    """Seconds from a change to the coordinator's write."""
    bare: list[float]


def measure(size: Size, folder: Path) -> Measured:
    os.environ["GOGC"] = "400"  # or the API server's collection of garbage takes a third of two cores
    with ControlPlane(folder / "cluster", training_operator=False) as plane, S3Server(folder / "store") as s3_server:
        os.environ["KUBECONFIG"] = str(plane.kubeconfig)
        plane.apply(*CRDS)
        _seed(size, s3_server)
        log = folder / "operator.log"
        with Process("fedtrain_operator", plane.kubeconfig, log) as operator:
            _say(f"first start, which writes every status: {_ready(operator, size):.1f} s")
        with Process("fedtrain_operator", plane.kubeconfig, log) as operator:
            start = _ready(operator, size)
            _say(f"second start: {start:.1f} s, {operator.cpu():.1f} s of a core, {operator.memory():.0f} MiB")
            used, began = operator.cpu(), time.monotonic()
            latencies = asyncio.run(_change(size))
            share = (operator.cpu() - used) / (time.monotonic() - began)
            memory = operator.memory("VmHWM")
            _say(f"changes: {share:.0%} of a core, {operator.memory():.0f} MiB now, {memory:.0f} MiB at most")
        with Process("benchmarks.scale.bare", plane.kubeconfig, folder / "bare.log") as loop:
            loop.wait_until_it_says(bare.READY, size.patience)
            least = asyncio.run(_change(size))
    return Measured(start, memory, latencies, least)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="a few seconds: shows that it runs, measures little")
    parser.add_argument("--trainings", type=int, default=WHOLE.trainings, help="how many; targets are for all 1,000")
    parser.add_argument("--rate", type=float, default=WHOLE.rate, help="changes a second; targets are for 100")
    given = parser.parse_args()
    smoke: bool = given.smoke
    with TemporaryDirectory() as folder:
        found = measure(SMOKE if smoke else replace(WHOLE, trainings=given.trainings, rate=given.rate), Path(folder))
    (half, most), (bare_half, bare_most) = _percentiles(found.operator), _percentiles(found.bare)
    print(f"bare loop, change to write: p50 {bare_half * 1000:.0f} ms, p99 {bare_most * 1000:.0f} ms")
    print(f"operator: p50 {half * 1000:.0f} ms ({half / bare_half:.1f}x), p99 {most / bare_most:.1f}x the bare loop's")
    rows = (
        ("change of a task to the coordinator's write, p99", most * 1000, LATENCY_SECONDS * 1000, "ms"),
        ("memory, at most", found.memory, MEMORY_MIB, "MiB"),
        ("start to every training reconciled once", found.start, START_SECONDS, "s"),
    )
    for what, measured, target, unit in rows:
        print(f"{what}: {measured:.1f} {unit} (target under {target:.0f} {unit})")
    return 0 if smoke or all(measured < target for _, measured, target, _ in rows) else 1


def _seed(size: Size, s3_server: S3Server) -> None:
    async def objects() -> None:
        cluster = Cluster(login)
        await seeding.create_objects(cluster, s3_server, those)
        await cluster.close()

    began = time.monotonic()
    those = seeding.trainings(s3_server, size.trainings, size.participants, size.banks)
    asyncio.run(objects())
    _say(f"{len(those)} trainings with their tasks: {time.monotonic() - began:.0f} s")
    seeding.write_ledgers(s3_server, those)
    _say(f"with their ledgers: {time.monotonic() - began:.0f} s")


def _ready(operator: Process, size: Size) -> float:
    return operator.wait_for("coordinator", size.trainings, size.patience)


async def _change(size: Size) -> list[float]:
    await asyncio.sleep(2)  # what a start leaves to be done is over
    changes = Changes()
    await changes.make(size.rate, size.seconds)
    _say(f"{changes.rate:.0f} changes a second, {len(changes.latencies)} answered")
    if changes.lost:
        raise SystemExit(f"{changes.lost} changes never reached the status")
    return changes.latencies


def _percentiles(seconds: list[float]) -> tuple[float, float]:
    cuts = quantiles(seconds, n=100)
    return cuts[49], cuts[98]


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
