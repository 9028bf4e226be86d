"""A small federation of two participants and two rounds, as a file for `fedtrain run` and as objects of a cluster."""

import base64
import gzip
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from fedtrain.api.storage import S3, File, Storage
from fedtrain.contracts import names
from fedtrain.contracts.records import Manifest
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.open import open_ledger
from fedtrain.ledger.s3_credentials import Fixed, Keys
from fedtrain.ledger.s3_store import S3Store
from fedtrain.ledger.verify import verify
from fedtrain.manifests.compute import variables_of_threads
from fedtrain.manifests.labels import TRANSFER_SECRET
from hack.cluster.api import Api, Json
from hack.cluster.eventually import PATIENCE_SECONDS, eventually
from hack.cluster.s3_server import S3Server
from tests.controlplane.binding import bind
from tests.controlplane.pods import Pods

ROOT = Path(__file__).parents[2]
QUICKSTART = ROOT / "examples" / "quickstart"
SOURCES = ("zoo", "museum", "observatory", "botanic-garden")
ROWS = 24
SECRET = "federation-store"
TRAININGS = "fedtrain.dev/v1alpha1/federatedtrainings"
TASKS = "fedtrain.dev/v1alpha1/trainingtasks"
PARTICIPANTS = "fedtrain.dev/v1alpha1/participants"
POLICIES = "fedtrain.dev/v1alpha1/participantpolicies"
PYTORCHJOBS = "kubeflow.org/v1/pytorchjobs"
JOBS = "batch/v1/jobs"


def document(kind: str, name: str, content: Json) -> Json:
    return {"apiVersion": "fedtrain.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": content}


Digests = list[tuple[str, str | None, str]]


def digests(ledger: Ledger) -> Digests:
    """What two runs of the same federation have in common: adapters, server state, outcomes."""
    found = (ledger.read(names.manifest(round), Manifest) for round in range(100))
    return [(manifest.adapter, manifest.state, manifest.outcome) for manifest in found if manifest is not None]


def attempts(ledger: Ledger) -> list[str]:
    """Those that were granted besides everyone's first."""
    return [name for name in ledger.names("rounds/") if "/attempts/" in name]


@dataclass
class Federation:
    """Its data in a folder; on a cluster, the hub is in `namespace`, and each bank in one of its own."""

    folder: Path
    namespace: str = "default"
    name: str = "small"
    who: tuple[str, ...] = ("bank-a", "bank-b")

    def write_data(self) -> None:
        for target, source in {**dict(zip(self.who, SOURCES, strict=False)), "test": "test"}.items():
            rows = (QUICKSTART / "data" / f"{source}.jsonl").read_text().splitlines()[:ROWS]
            (self.folder / f"{target}.jsonl").write_text("\n".join(rows) + "\n")

    def spec(self, storage: Json) -> Json:
        return {
            "model": {"base": str(QUICKSTART / "base"), "adapter": {"rank": 2, "alpha": 4}},
            "data": {"dataset": "glosses", "format": "PromptCompletion", "maxLength": 48},
            "participants": [{"name": who} for who in self.who],
            "rounds": {"count": 2},
            "training": {"length": {"type": "Steps", "steps": 2}, "batchSize": 4, "microBatchSize": 4},
            "evaluation": {"hub": {"data": {"uri": str(self.folder / "test.jsonl")}}, "participants": {}},
            "storage": storage,
        }

    def policy(self, who: str) -> Json:
        uri = str(self.folder / f"{who}.jsonl")
        return document("ParticipantPolicy", who, {"datasets": [{"name": "glosses", "uri": uri}]})

    # On one machine.

    def run(self, zygote: str) -> Ledger:
        """`fedtrain run` of the file; its ledger."""
        storage = {"type": "File", "file": {"path": str(self.folder / "runs")}}
        documents = [document("FederatedTraining", self.name, self.spec(storage)), *map(self.policy, self.who)]
        file = self.folder / "federation.yaml"
        file.write_text("\n---\n".join(map(json.dumps, documents)))
        driver = ROOT / "tests" / "local" / "driver.py"
        done = subprocess.run(
            [sys.executable, str(driver), str(file), zygote, "2"],
            env={**os.environ, **variables_of_threads(1)},  # those of pods, so that the bytes are the same
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return self.ledger_alone()

    def ledger_alone(self) -> Ledger:
        return open_ledger(Storage(file=File(path=str(self.folder / "runs"))), "default", self.name)

    # On a cluster.

    def bucket(self, s3_server: S3Server) -> Json:
        return {
            "type": "S3",
            "s3": {
                "bucket": self.namespace,
                "endpoint": s3_server.endpoint,
                "region": s3_server.region,
                "credentialsSecretRef": {"name": SECRET},
            },
        }

    def settle_banks(self, api: Api) -> None:
        for who in self.who:
            self.settle(api, who)

    def settle(self, api: Api, who: str) -> None:
        """Create a namespace for a participant, the hub's record of it, and its policy."""
        api.create("v1/namespaces", {"metadata": {"name": f"at-{who}"}})
        bind(api, f"at-{who}", "participant")
        record = {"namespace": f"at-{who}", "allowedNamespaces": ["*"]}
        api.create(PARTICIPANTS, document("Participant", who, record))
        api.create(POLICIES, self.policy(who), f"at-{who}")

    def prepare(self, api: Api, s3_server: S3Server) -> Self:
        """Namespace, if it lacks, bucket and Secret: all but the training."""
        if api.find("v1/namespaces", self.namespace) is None:
            api.create("v1/namespaces", {"metadata": {"name": self.namespace}})
        bind(api, self.namespace, "training")
        self.make_bucket(s3_server)
        self.give_keys(api, s3_server)
        return self

    def make_bucket(self, s3_server: S3Server) -> None:
        s3_server.client.create_bucket(Bucket=self.namespace)

    def give_keys(self, api: Api, s3_server: S3Server) -> None:
        """The bucket's credentials, beside the training."""
        api.create("v1/secrets", {"metadata": {"name": SECRET}, "stringData": keys(s3_server)}, self.namespace)

    def at_banks(self, api: Api, resource: str, text: str = "") -> list[Json]:
        """What this training has there, with this text in its name."""
        labels = f"fedtrain.dev/training-namespace={self.namespace}"
        found = [body for who in self.who for body in api.list(resource, f"at-{who}", labels)]
        return [body for body in found if text in body["metadata"]["name"]]

    def signed(self, api: Api) -> dict[str, str]:
        """The signed requests of this training's tasks, by uid."""
        secrets = [api.find("v1/secrets", TRANSFER_SECRET, f"at-{who}") or {} for who in self.who]
        entries = [
            (uid, gzip.decompress(base64.b64decode(text)))
            for one in secrets
            for uid, text in (one.get("data") or {}).items()
        ]
        return {uid: text.decode() for uid, text in entries if f"/{self.namespace}/".encode() in text}

    def apply(self, api: Api, s3_server: S3Server, **changes: Any) -> None:
        content = document("FederatedTraining", self.name, {**self.spec(self.bucket(s3_server)), **changes})
        api.create(TRAININGS, content, self.namespace)

    def change(self, api: Api, **fields: Any) -> None:
        api.patch(TRAININGS, self.name, {"spec": fields}, self.namespace)

    def resume(self, api: Api) -> None:
        """Ask to resume the run after a failure."""
        change = {"metadata": {"annotations": {"fedtrain.dev/resume": "true"}}}
        api.patch(TRAININGS, self.name, change, self.namespace)

    def delete(self, api: Api) -> None:
        """By an operator that runs; waits until all is gone."""
        api.delete(TRAININGS, self.name, self.namespace)
        eventually(lambda: api.find(TRAININGS, self.name, self.namespace) is None)

    def status(self, api: Api) -> Json:
        return api.get(TRAININGS, self.name, self.namespace).get("status", {})

    def condition(self, api: Api, name: str) -> Json:
        """Empty while there is none."""
        return next((one for one in self.status(api).get("conditions", ()) if one["type"] == name), {})

    def told(self, api: Api) -> set[str]:
        """Reasons of all events. The operator writes an event after the status: wait for it."""
        return {event["reason"] for event in api.list("v1/events", self.namespace)}

    def has_ended(self, api: Api) -> bool:
        return self.status(api).get("phase") in ("Succeeded", "Failed")

    def succeeded(self, api: Api, seconds: float = PATIENCE_SECONDS) -> Json:
        """Its status, once it has ended."""
        eventually(lambda: self.has_ended(api), seconds)
        status = self.status(api)
        assert status["phase"] == "Succeeded", status
        return status

    def succeeded_with(
        self, expected: Digests, api: Api, s3_server: S3Server, seconds: float = PATIENCE_SECONDS
    ) -> Ledger:
        """Its ledger, once it has ended."""
        self.succeeded(api, seconds)
        ledger = self.ledger(s3_server)
        assert digests(ledger) == expected
        assert verify(ledger).sound
        return ledger

    def ledger(self, s3_server: S3Server) -> Ledger:
        s3 = S3(bucket=self.namespace, endpoint=s3_server.endpoint, region=s3_server.region)
        credentials = Fixed(Keys(key_id=s3_server.access_key, secret=s3_server.secret_key))
        return Ledger(S3Store(s3, credentials=credentials), self.namespace, self.name)


def keys(s3_server: S3Server) -> Json:
    """The content of a Secret with the credentials of the store."""
    return {"AWS_ACCESS_KEY_ID": s3_server.access_key, "AWS_SECRET_ACCESS_KEY": s3_server.secret_key}


def quickstart(folder: Path, hub: Json, participants: Json) -> Path:
    """A copy of the quickstart's files with the credentials of the store, for kustomize."""
    copy = shutil.copytree(QUICKSTART, folder / "quickstart")
    for file, content in (("store.env", hub), ("models.env", participants)):
        (copy / file).write_text("".join(f"{name}={value}\n" for name, value in content.items()))
    return copy


def begun(federation: Federation, pods: Pods, api: Api, s3_server: S3Server, **changes: Any) -> list[Json]:
    """Applies it and waits until each participant has its pod for round 1's training; those. They stay Pending."""
    pods.held = {"-train-"}
    federation.apply(api, s3_server, **changes)
    eventually(lambda: len(federation.at_banks(api, "v1/pods", "-train-")) == 2)
    return federation.at_banks(api, "v1/pods", "-train-")
