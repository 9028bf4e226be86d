"""How long a revoked participant can still use the hub and the store, beside the target.

    python -m benchmarks.revocation            # five participants, one after the other
    python -m benchmarks.revocation --smoke    # one of them, for the test suite

On a real API server and a real S3 server, with the coordinator as a process of its own. Each participant has a
cluster of its own, and a task with signed requests in a round that runs. Measures from the start of `fedtrain
participant revoke` until the API server answers its token with 401, until the store refuses its record, and until the
adapter that it could read is empty. Ends with 1 when the target is missed.
"""

import argparse
import base64
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import urllib3
from safetensors.numpy import save_file

from benchmarks.scale.process import Process
from fedtrain.contracts import names
from fedtrain.contracts.digests import digest_bytes
from fedtrain.contracts.records import Initial, ModelFacts, Run
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.contracts.wire.transfer import SignedUpload, TransferGrant, read_grant
from fedtrain.manifests.labels import TRANSFER_SECRET
from fedtrain.manifests.timestamps import instant
from hack.cluster.api import Api, Json, Refused
from hack.cluster.control_plane import ControlPlane
from hack.cluster.eventually import eventually
from hack.cluster.kubeconfig import Credentials
from hack.cluster.s3_server import S3Server
from hack.cluster.tools import file_of
from tests.controlplane.joining import fedtrain, invite
from tests.controlplane.training import PARTICIPANTS, TASKS, Federation

CRDS = sorted((Path(__file__).parents[1] / "crds").glob("*.yaml"))
TARGET_SECONDS = 60.0
PATIENCE_SECONDS = 300.0
UNAUTHORIZED, TAKEN = 401, 412
FACTS = ModelFacts(base_parameters=1000, adapter_parameters=128, hidden_size=8, layers=1, vocabulary=32)
HTTP = urllib3.PoolManager()


@dataclass(frozen=True)
class Revoked:
    """Seconds until each of these ends."""

    token: float
    writes: float
    reads: float


def measure(participants: int, folder: Path) -> list[Revoked]:
    """Revoke all but the last of the participants."""
    os.environ["GOGC"] = "400"
    federation = Federation(folder, who=tuple(f"bank-{number}" for number in range(participants)))
    (folder / "s3").mkdir()
    with ControlPlane(folder / "hub", training_operator=False) as plane, S3Server(folder / "s3") as store:
        plane.apply(*CRDS, file_of("training-operator", "kubeflow.org_pytorchjobs.yaml"))
        federation.prepare(plane.api, store)
        tokens = {who: invite(plane, who, folder)["hub"]["token"] for who in federation.who}
        for who in federation.who:
            _report(plane.api, who)
        with Process("fedtrain_operator", plane.kubeconfig, folder / "operator.log"):
            federation.apply(plane.api, store, evaluation={})
            _begin_round(federation, store, folder)
            return [_revoke(plane, who, tokens[who]) for who in federation.who[:-1]]


def _report(api: Api, who: str) -> None:
    """A heartbeat of the participant, as its operator writes it."""
    status: Json = {
        "lastSeen": instant(time.time()),
        "heartbeatSeconds": 3600,
        "version": "0.1.0",
        "running": 0,
        "datasets": [{"name": "glosses"}],
    }
    api.patch(PARTICIPANTS, who, {"status": status}, subresource="status")


def _begin_round(federation: Federation, store: S3Server, folder: Path) -> None:
    """Write what pods write before round 1."""
    ledger = federation.ledger(store)
    run = eventually(lambda: ledger.read(names.RUN, Run), PATIENCE_SECONDS)
    for who in federation.who:
        rows = digest_bytes(who.encode())
        ledger.claim(
            names.preflight(who),
            Preflight(run_id=run.run_id, participant=who, samples=100, validation_samples=10, fingerprint=rows),
        )
    save_file({"base.layer.lora_B.weight": np.ones((16, 8), np.float32)}, folder / "adapter", {"format": "pt"})
    adapter, config = ledger.put_blob(folder / "adapter"), ledger.put_blob(b"{}")
    ledger.claim(names.initial(), Initial(run_id=run.run_id, adapter=adapter, config=config, facts=FACTS))


def _revoke(plane: ControlPlane, who: str, token: str) -> Revoked:
    grant = eventually(lambda: _grant(plane.api, who), PATIENCE_SECONDS)
    as_participant = Api(Credentials(plane.admin.server, plane.admin.authority, token))
    adapter = next(iter(grant.blobs.values())).url
    assert not _unauthorized(as_participant, who)
    assert HTTP.request("GET", adapter, retries=False).data, "it can read the adapter"
    began = time.monotonic()
    done = fedtrain(plane, "revoke", who)
    assert done.exit_code == 0, done.output
    ended = _ends(
        began,
        token=lambda: _unauthorized(as_participant, who),
        writes=lambda: HTTP.request("GET", grant.record.read.url, retries=False).status == 200,  # its name is taken
        reads=lambda: not HTTP.request("GET", adapter, retries=False).data,
    )
    assert _put(grant.record.writes[0]) == TAKEN
    return Revoked(**ended)


def _ends(began: float, **conditions: Callable[[], bool]) -> dict[str, float]:
    """Seconds until each condition is true, asked in turn ten times a second."""
    found: dict[str, float] = {}
    while missing := conditions.keys() - found.keys():
        passed = time.monotonic() - began
        assert passed < PATIENCE_SECONDS, f"after {passed:.0f} s, these have not ended: {', '.join(sorted(missing))}"
        for name in missing:
            if conditions[name]():
                found[name] = time.monotonic() - began
        time.sleep(0.1)
    return found


def _grant(api: Api, who: str) -> TransferGrant | None:
    """The signed requests of the participant's training task."""
    secret = api.find("v1/secrets", TRANSFER_SECRET, who) or {}
    found = [read_grant(base64.b64decode(entry)) for entry in (secret.get("data") or {}).values()]
    return next((grant for grant in found if grant.blobs), None)


def _unauthorized(api: Api, who: str) -> bool:
    try:
        api.list(TASKS, who)
    except Refused as refusal:
        return refusal.code == UNAUTHORIZED
    return False


def _put(write: SignedUpload) -> int:
    body = b" " * write.size
    return HTTP.request("PUT", write.url, body=body, headers={**write.headers}, retries=False).status


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="one participant: shows that it runs")
    smoke: bool = parser.parse_args().smoke
    with TemporaryDirectory() as folder:
        found = measure(2 if smoke else 6, Path(folder))
    rows = {
        "until the API server answers 401": [one.token for one in found],
        "until the store refuses its writes": [one.writes for one in found],
        "until the adapter that it could read is empty": [one.reads for one in found],
    }
    for what, seconds in rows.items():
        values = ", ".join(f"{one:.1f}" for one in seconds)
        print(f"{what}: {values} s (target at most {TARGET_SECONDS:.0f} s)")
    return 0 if smoke or max(map(max, rows.values())) <= TARGET_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
