"""What idle participants with clusters of their own cost the hub, beside the targets.

    python -m benchmarks.participant_scale            # 1,000 participants for two minutes
    python -m benchmarks.participant_scale --smoke    # 20 of them for a few seconds, for the test suite

On a real API server. The participants are simulated: each writes its heartbeat every 35 seconds, as the chart has it.
One of them is a real participant controller, whose requests to the hub are counted, without its watches. Ends with 1
when a target is missed.
"""

import argparse
import asyncio
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from fedtrain_operator.kube.client import Cluster

from benchmarks.scale.process import Process
from benchmarks.scale.seeding import NAMESPACES, all_of
from benchmarks.scale.watching import login
from fedtrain.manifests.conditions import holds
from fedtrain.manifests.kinds import PARTICIPANT, Json, Ref
from fedtrain.manifests.timestamps import instant
from hack.cluster.control_plane import ControlPlane
from hack.cluster.tools import file_of

CRDS = sorted((Path(__file__).parents[1] / "crds").glob("*.yaml"))
HEARTBEAT_SECONDS = 35.0
"""The chart's `heartbeatSeconds`."""
RESYNC_SECONDS = 300.0
"""The chart's `resyncSeconds`."""
MEMORY_MB = 300.0
CORE_SHARE = 0.10
REQUESTS_A_MINUTE = 2.0
REAL = "bank-real"
PATIENCE_SECONDS = 300.0


@dataclass(frozen=True)
class Size:
    """`interval`: seconds between two heartbeats of a participant; `seconds`: time that is measured."""

    participants: int
    interval: float
    seconds: float


WHOLE, SMOKE = Size(1000, HEARTBEAT_SECONDS, 120.0), Size(20, 2.0, 6.0)


@dataclass(frozen=True)
class Measured:
    """`memory` in MB at most, `share` of a core, `requests` a minute of the real participant."""

    memory: float
    share: float
    requests: float
    heartbeats: float


def measure(size: Size, folder: Path) -> Measured:
    os.environ["GOGC"] = "400"
    with ControlPlane(folder / "hub", training_operator=False) as plane:
        os.environ["KUBECONFIG"] = str(plane.kubeconfig)
        plane.apply(*CRDS, file_of("training-operator", "kubeflow.org_pytorchjobs.yaml"))
        names = [f"bank-{number:04}" for number in range(size.participants)]
        asyncio.run(_create([*names, REAL]))
        with Process("fedtrain_operator", plane.kubeconfig, folder / "operator.log") as operator:
            operator.wait_for("connections", len(names) + 1, PATIENCE_SECONDS)
            with _real(plane, folder, size) as participant:
                sent = asyncio.run(_beat(names, size.interval, size.interval + 2))
                asyncio.run(_wait_until_connected())
                used, began, before = operator.cpu(), time.monotonic(), participant.metric(REQUESTS)
                sent = asyncio.run(_beat(names, size.interval, size.seconds))
                passed = time.monotonic() - began
                return Measured(
                    operator.memory("VmHWM") * 1.048576,
                    (operator.cpu() - used) / passed,
                    (participant.metric(REQUESTS) - before) / passed * 60,
                    sent / passed,
                )


REQUESTS = "fedtrain_hub_requests_total"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="a few seconds: shows that it runs, measures little")
    smoke: bool = parser.parse_args().smoke
    size = SMOKE if smoke else WHOLE
    with TemporaryDirectory() as folder:
        found = measure(size, Path(folder))
    print(f"{size.participants} participants, {found.heartbeats:.1f} heartbeats a second")
    rows = (
        ("memory of the coordinator, at most", found.memory, MEMORY_MB, "MB"),
        ("coordinator's share of a core", 100 * found.share, 100 * CORE_SHARE, "%"),
        ("requests of an idle participant", found.requests, REQUESTS_A_MINUTE, "a minute"),
    )
    for what, measured, target, unit in rows:
        print(f"{what}: {measured:.2f} {unit} (target at most {target:.0f} {unit})")
    return 0 if smoke or all(measured <= target for _, measured, target, _ in rows) else 1


def _real(plane: ControlPlane, folder: Path, size: Size) -> Process:
    """A participant controller whose hub is this API server."""
    credentials = folder / "credentials"
    credentials.mkdir()
    (credentials / "token").write_text(plane.admin.token)
    (credentials / "ca.crt").write_bytes(plane.admin.authority.read_bytes())
    process = Process("fedtrain_operator", plane.kubeconfig, folder / "participant.log", "participant")
    process.environment |= {
        "FEDTRAIN_NAMESPACES": "own-cluster",
        "FEDTRAIN_HUB_SERVER": plane.admin.server,
        "FEDTRAIN_HUB_NAMESPACE": REAL,
        "FEDTRAIN_HUB_PARTICIPANT": REAL,
        "FEDTRAIN_HUB_CREDENTIALS": str(credentials),
        "FEDTRAIN_HEARTBEAT_SECONDS": str(size.interval),
        "FEDTRAIN_RESYNC_SECONDS": str(RESYNC_SECONDS),
    }
    return process


async def _create(names: list[str]) -> None:
    cluster = Cluster(login)

    async def create(name: str) -> None:
        spec = {"namespace": name, "cluster": "Own", "allowedNamespaces": ["*"]}
        head = {"apiVersion": PARTICIPANT.api_version, "kind": PARTICIPANT.name}
        await cluster.create(PARTICIPANT, {**head, "metadata": {"name": name}, "spec": spec})

    for namespace in (REAL, "own-cluster"):
        await cluster.create(NAMESPACES, {"metadata": {"name": namespace}})
    await all_of(names, create)
    await cluster.close()


async def _beat(names: list[str], interval: float, seconds: float) -> int:
    """Sends every participant's heartbeat once per interval, evenly spread. Returns their number."""
    cluster, sending = Cluster(login), set[asyncio.Task[object]]()
    began, sent = time.monotonic(), 0
    while (due := sent * interval / len(names)) < seconds:
        await asyncio.sleep(max(0.0, began + due - time.monotonic()))
        name, now = names[sent % len(names)], instant(time.time())
        status: Json = {"lastSeen": now, "heartbeatSeconds": max(1, round(interval)), "version": "0.1.0", "running": 0}
        task = asyncio.create_task(cluster.merge_status(PARTICIPANT, Ref("", name), status))
        sending.add(task)
        task.add_done_callback(sending.discard)
        sent += 1
    await asyncio.gather(*sending)
    await cluster.close()
    return sent


async def _wait_until_connected() -> None:
    """Until the hub shows the real participant as connected."""
    cluster = Cluster(login)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            body = await cluster.get(PARTICIPANT, Ref("", REAL))
            if body is not None and holds(body.get("status", {}).get("conditions", ()), "Connected"):
                break
            await asyncio.sleep(0.5)
    await cluster.close()


if __name__ == "__main__":
    sys.exit(main())
