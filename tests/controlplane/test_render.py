"""What `fedtrain render` prints is what the operator makes, but for what only the run can tell."""

import json
import re
from functools import partial
from pathlib import Path
from typing import NamedTuple

from click.testing import CliRunner

from fedtrain.cli.main import main
from fedtrain.cli.rendering import NO_UID
from fedtrain.preview.dry_run import DIGEST, RUN_ID
from hack.cluster.api import Api, Json
from hack.cluster.eventually import eventually
from hack.cluster.s3_server import S3Server
from tests.controlplane.pods import Pods
from tests.controlplane.training import JOBS, PYTORCHJOBS, TASKS, TRAININGS, Federation, document
from tests.support.operating import Operator

RESOURCES = {"TrainingTask": TASKS, "PyTorchJob": PYTORCHJOBS, "Job": JOBS}
SERVERS = ("uid", "creationTimestamp", "resourceVersion", "generation", "managedFields")
"""Fields of metadata that the API server alone fills in."""


class Key(NamedTuple):
    """What an object is of, by its labels."""

    kind: str
    round: str
    work: str
    who: str
    attempt: str


def key_of(kind: str, body: Json) -> Key:
    labels = {name.removeprefix("fedtrain.dev/"): value for name, value in body["metadata"]["labels"].items()}
    return Key(kind, labels["round"], labels["kind"], labels.get("participant", ""), labels["attempt"])


def rendered(file: Path, round: int) -> dict[Key, Json]:
    images = ["--trainer-image", "example.org/trainer:1", "--hub-image", "example.org/hub:1"]
    result = CliRunner().invoke(main, ["render", str(file), "--round", str(round), "-o", "json", *images])
    assert result.exit_code == 0, result.output
    return {key_of(body["kind"], body): body for body in json.loads(result.stdout)["items"]}


def comparable(body: Json, replaced: dict[str, str]) -> Json:
    """An object of the server without what differs between any two servers; `replaced`: texts of this run, and what
    stands for them."""
    metadata = {name: value for name, value in body["metadata"].items() if name not in SERVERS}
    kept = {name: value for name, value in body.items() if name not in ("apiVersion", "kind", "status", "metadata")}
    text = json.dumps(kept | {"metadata": metadata}).replace(body["metadata"]["uid"], "its own uid")
    for before, after in replaced.items():
        text = text.replace(before, after)
    return json.loads(re.sub("blake3:[0-9a-f]{64}", DIGEST, text))


def test_what_render_prints_is_what_the_operator_makes(
    banks: Federation,
    api: Api,
    s3_server: S3Server,
    namespace: str,
    operator_kubeconfig: Path,
    zygote: str,
    tmp_path: Path,
) -> None:
    federation = Federation(banks.folder, namespace).prepare(api, s3_server)
    spec = {**federation.spec(federation.bucket(s3_server)), "rounds": {"count": 1}}
    training = document("FederatedTraining", federation.name, spec)
    training["metadata"]["namespace"] = namespace
    records = [
        document("Participant", who, {"namespace": f"at-{who}", "allowedNamespaces": ["*"]}) for who in federation.who
    ]
    file = tmp_path / "federation.yaml"
    file.write_text("\n---\n".join(map(json.dumps, [training, *map(federation.policy, federation.who), *records])))
    expected = rendered(file, 0) | rendered(file, 1)

    def all_of(work: str, round: str) -> dict[Key, Json]:
        """The operator's objects, once all that are expected for this work are there."""
        found = {
            key_of(kind, body): body
            for kind, resource in RESOURCES.items()
            for body in (api.list(resource, namespace) if kind == "Job" else federation.at_banks(api, resource))
        }
        wanted = {key for key in expected if (key.work, key.round) == (work, round)}
        return {key: found[key] for key in wanted} if wanted <= found.keys() else {}

    made: dict[Key, Json] = {}
    held = {f"{federation.name}-{key.round}-{key.work.lower()}-" for key in expected}
    with Operator(operator_kubeconfig, tmp_path, zygote), Pods(api, zygote, tmp_path / "pods", held=held) as pods:
        api.create(TRAININGS, training, namespace)
        for work, round in dict.fromkeys((key.work, key.round) for key in expected):  # what has pods that wait, stays
            made |= eventually(partial(all_of, work, round))
            pods.held = pods.held - {f"{federation.name}-{round}-{work.lower()}-"}
        uid = api.get(TRAININGS, federation.name, namespace)["metadata"]["uid"]
        federation.delete(api)

    assert made.keys() == expected.keys()
    uids = {uid, *(body["metadata"]["uid"] for key, body in made.items() if key.kind == "TrainingTask")}
    for key, body in expected.items():
        real, resource = made[key], RESOURCES[key.kind]
        told = api.create(resource, body, body["metadata"]["namespace"], dry_run=True)
        replaced = {
            real["metadata"]["name"]: body["metadata"]["name"],
            real["metadata"]["labels"]["fedtrain.dev/run"]: RUN_ID,
            **dict.fromkeys(uids, NO_UID),
        }
        assert comparable(real, replaced) == comparable(told, {}), key
