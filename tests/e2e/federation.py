"""A small federation of real pods: base model and bank-b's rows are in a bucket, bank-a's rows are on a volume."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fedtrain.api.storage import File, Storage
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.open import open_ledger
from hack.cluster.api import Api, Json
from hack.cluster.eventually import PATIENCE_SECONDS
from hack.cluster.s3_server import S3Server
from tests.controlplane.training import PARTICIPANTS, POLICIES, QUICKSTART, Digests, Federation, digests, document

INPUTS = "inputs"
MOUNTED = "/data"
VOLUME = "glosses"
OWN = "own-store"
"""A Secret of a bank, whose keys read the inputs and cannot open the ledger."""
COMMAND = str(Path(sys.executable).parent / "fedtrain")


@dataclass
class RealFederation(Federation):
    """As `Federation`; both controllers, trainers and aggregators run in pods."""

    store: S3Server | None = None
    inputs: str = INPUTS
    """Bucket of the base model, the test rows and the second participant's rows."""
    reader: Json = field(default_factory=dict[str, Any])
    """Keys that can read this bucket."""

    def spec(self, storage: Json) -> Json:
        bucket = storage.get("s3")
        s3 = {"s3": {name: value for name, value in bucket.items() if name != "bucket"}} if bucket else {}
        evaluation = {"hub": {"data": {"uri": f"s3://{self.inputs}/test.jsonl", **s3}}}
        base = {"base": f"s3://{self.inputs}/base", **s3}
        return super().spec(storage) | {
            "model": super().spec(storage)["model"] | base,
            "evaluation": evaluation,
        }

    def policy(self, who: str) -> Json:
        """The first participant has its rows on a volume claim, as most have."""
        assert self.store is not None, "upload() comes first"
        server = {"endpoint": self.store.endpoint, "region": self.store.region}
        own = {"s3": {**server, "credentialsSecretRef": {"name": OWN}}}
        if who != self.who[0]:
            return self._policy(who, f"s3://{self.inputs}/{who}.jsonl", own, baseModel=own)
        pods = {
            "volumes": [{"name": "rows", "persistentVolumeClaim": {"claimName": VOLUME, "readOnly": True}}],
            "volumeMounts": [{"name": "rows", "mountPath": MOUNTED, "readOnly": True}],
        }
        return self._policy(who, f"{MOUNTED}/{who}.jsonl", baseModel=own, pods=pods)

    def upload(self, s3_server: S3Server) -> None:
        """Upload the base model and rows that are read from a bucket."""
        self.store = s3_server
        self.folder.chmod(0o755)
        s3_server.client.create_bucket(Bucket=self.inputs)
        self.reader = s3_server.create_reader(self.inputs)
        files = {f"base/{path.name}": path for path in (QUICKSTART / "base").iterdir()}
        files |= {path.name: path for path in (self.folder / f"{name}.jsonl" for name in (*self.who[1:], "test"))}
        for key, path in files.items():
            s3_server.client.upload_file(str(path), self.inputs, key)

    def settle(self, api: Api, who: str) -> None:
        super().settle(api, who)
        self.give_inputs(api, who, f"at-{who}")

    def give_inputs(self, api: Api, who: str, namespace: str) -> None:
        """The keys of a participant's own bucket, and the rows of the first participant as a volume claim."""
        api.create("v1/secrets", {"metadata": {"name": OWN}, "stringData": self.reader}, namespace)
        if who == self.who[0]:
            claim_folder(api, VOLUME, self.folder, namespace)

    @contextmanager
    def alone(self, s3_server: S3Server) -> Iterator[subprocess.Popen[bytes]]:
        """`fedtrain run` of the same federation on this machine, in the background."""
        process = self._start_alone(s3_server)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def digests_alone(self, alone: subprocess.Popen[bytes], seconds: float = PATIENCE_SECONDS) -> Digests:
        """What that run ends with."""
        assert alone.wait(seconds) == 0, (self.folder / "run.log").read_text()
        return digests(self._ledger_alone())

    def _start_alone(self, s3_server: S3Server) -> subprocess.Popen[bytes]:
        storage = {"type": "File", "file": {"path": str(self.folder / "runs")}}
        policies = [self._policy(who, str(self.folder / f"{who}.jsonl")) for who in self.who]
        documents = [document("FederatedTraining", self.name, self.spec(storage)), *policies]
        file = self.folder / "federation.yaml"
        file.write_text("\n---\n".join(map(json.dumps, documents)))
        with (self.folder / "run.log").open("wb") as log:
            command = [COMMAND, "run", str(file)]
            return subprocess.Popen(command, env=environment(s3_server), stdout=log, stderr=log)

    def _ledger_alone(self) -> Ledger:
        return open_ledger(Storage(file=File(path=str(self.folder / "runs"))), "default", self.name)

    def url(self) -> str:
        """What fedtrain's commands call the run."""
        return f"s3://{self.namespace}/{self.namespace}/{self.name}"

    def pods(self, api: Api, kind: str = "") -> list[Json]:
        """Its pods in all namespaces, or those of one kind of task."""
        labels = f"fedtrain.dev/training-namespace={self.namespace}" + (f",fedtrain.dev/kind={kind}" if kind else "")
        return api.list("v1/pods", labels=labels)

    @staticmethod
    def _policy(who: str, uri: str, access: Json | None = None, **more: Json) -> Json:
        dataset = {"name": "glosses", "uri": uri, **(access or {})}
        return document("ParticipantPolicy", who, {"datasets": [dataset], **more})


def claim_folder(api: Api, name: str, folder: Path, namespace: str, mode: str = "ReadOnlyMany") -> None:
    """Create a volume of this name, a folder of this machine, and the claim of it in a namespace."""
    size = {"storage": "1Mi"}
    claim = {"accessModes": [mode], "storageClassName": "", "volumeName": name}
    volume = {"accessModes": [mode], "capacity": size, "hostPath": {"path": str(folder)}}
    api.create("v1/persistentvolumes", {"metadata": {"name": name}, "spec": volume})
    body = {"metadata": {"name": name}, "spec": {**claim, "resources": {"requests": size}}}
    api.create("v1/persistentvolumeclaims", body, namespace)


def environment(s3_server: S3Server) -> dict[str, str]:
    """Environment of a program on this machine that knows the bucket."""
    return {
        **os.environ,
        "AWS_ENDPOINT_URL": s3_server.endpoint,
        "AWS_REGION": s3_server.region,
        "AWS_ACCESS_KEY_ID": s3_server.access_key,
        "AWS_SECRET_ACCESS_KEY": s3_server.secret_key,
    }


def fedtrain(s3_server: S3Server, *arguments: str | Path) -> str:
    """What the command prints; it must succeed."""
    command = [COMMAND, *arguments]
    done = subprocess.run(command, env=environment(s3_server), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


__all__ = ["PARTICIPANTS", "POLICIES", "RealFederation", "environment", "fedtrain"]
