"""How much fedtrain's own controllers write to the Kubernetes API, beside its target.

    python -m benchmarks.operator_writes            # 10 participants
    python -m benchmarks.operator_writes --smoke    # 2 of them, for the test suite

On a real API server with the real training operator; trainers and aggregators run as processes. Counted is all that the
operator writes from the beginning of round 2 to that of round 3: tasks, jobs, statuses, events, what is cleared away.
Ends with 1 when the target is missed.
"""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.scale.process import Process
from hack.cluster.control_plane import ControlPlane
from hack.cluster.eventually import eventually
from hack.cluster.s3_server import S3Server
from tests.controlplane.pods import Pods
from tests.controlplane.training import QUICKSTART, ROWS, Federation
from tests.support import zygote

CRDS = sorted((Path(__file__).parents[1] / "crds").glob("*.yaml"))
TARGET = 8.0
PATIENCE_SECONDS = 900.0
WRITES = "fedtrain_api_writes_total"


def measure(participants: int, folder: Path) -> float:
    """Writes of one round."""
    with (
        ControlPlane(folder / "cluster") as plane,
        S3Server(folder / "store") as s3_server,
        zygote.running() as address,
    ):
        plane.apply(*CRDS)
        federation = _federation(participants, folder / "data")
        plane.api.create("v1/namespaces", {"metadata": {"name": federation.namespace}})
        federation.settle_banks(plane.api)
        federation.make_bucket(s3_server)
        federation.give_keys(plane.api, s3_server)
        with (
            Process("fedtrain_operator", plane.kubeconfig, folder / "log", "coordinator,participant") as operator,
            Pods(plane.api, address, folder / "pods"),
        ):
            federation.apply(plane.api, s3_server, rounds={"count": 3})
            counts: list[float] = []
            for round in (2, 3):
                eventually(lambda round=round: _training(federation, plane, round), PATIENCE_SECONDS)
                counts.append(operator.metric(WRITES))
            return counts[1] - counts[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="a minute: shows that it runs, measures little")
    smoke = parser.parse_args().smoke
    participants = 2 if smoke else 10
    with TemporaryDirectory() as folder:
        writes = measure(participants, Path(folder))
    each = writes / participants
    print(f"API writes of a round of {participants} participants: {writes:.0f}")
    print(f"API writes a participant and round: {each:.1f} (target at most {TARGET:.0f}, of 10 participants)")
    return 0 if smoke or each <= TARGET else 1


def _federation(participants: int, folder: Path) -> Federation:
    folder.mkdir()
    made = Federation(folder, "hub", who=tuple(f"bank-{number}" for number in range(participants)))
    rows = (QUICKSTART / "data" / "zoo.jsonl").read_text().splitlines()[:ROWS]
    for name in (*made.who, "test"):
        (folder / f"{name}.jsonl").write_text("\n".join(rows) + "\n")
    return made


def _training(federation: Federation, plane: ControlPlane, round: int) -> bool:
    status = federation.status(plane.api)
    assert status.get("phase") != "Failed", status["message"]
    return (status.get("phase"), status.get("round")) == ("Training", round)


if __name__ == "__main__":
    sys.exit(main())
