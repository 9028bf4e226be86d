"""A run keeps the base model that it began with: round 0 records its fingerprint, and trainers refuse another base."""

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from fedtrain_trainer.outcome import Outcome
from safetensors.numpy import load_file, save_file
from tiny_federation import Federation, classified

from fedtrain.api.storage import S3Access
from fedtrain.contracts import names
from fedtrain.contracts.base_fingerprint import BaseFingerprint
from fedtrain.contracts.canonical import canonical
from fedtrain.contracts.exit_codes import EXIT_DONE, EXIT_REFUSED
from fedtrain.contracts.places import Place
from fedtrain.contracts.records import Initial
from fedtrain.contracts.tasks import Assignment
from fedtrain.contracts.untrusted_records import Update
from fedtrain.data.base_fingerprint import SAMPLE, fingerprint_in
from fedtrain.data.bucket import Bucket, ListedObject
from tests.support.moto_server import serving_s3

LARGE = 2_000_000
"""Numbers in a tensor."""


@pytest.fixture
def base(tmp_path: Path, bases: dict[str, Path]) -> Path:
    return Path(shutil.copytree(bases["llama"], tmp_path / "base"))


@pytest.fixture
def federation(tmp_path: Path, base: Path) -> Federation:
    return Federation(tmp_path, base, classified(40))


def carrying(assignment: Assignment, fingerprint: BaseFingerprint | None) -> Assignment:
    task = assignment.task.model_copy(update={"base_fingerprint": fingerprint})
    return assignment.model_copy(update={"task": task})


def trained(federation: Federation, attempt: int = 1) -> Outcome:
    """Train with a task that carries what round 0 recorded."""
    assignment = federation.assignment(federation.train_work(), round=1, attempt=attempt)
    return federation.run(carrying(assignment, federation.record(names.initial(), Initial).base_fingerprint))


def retrain(base: Path) -> None:
    tensors = load_file(base / "model.safetensors")
    tensors["model.layers.1.mlp.up_proj.weight"] *= np.float32(1.01)
    save_file(tensors, base / "model.safetensors", {"format": "pt"})


def test_round_0_records_the_fingerprint_of_a_folder(federation: Federation, base: Path) -> None:
    assert federation.initialised().base_fingerprint == fingerprint_in(base)


def test_weights_that_change_between_two_rounds_are_refused_also_by_a_warm_worker(
    federation: Federation, base: Path, tmp_path: Path
) -> None:
    assert trained(federation).reason == ""
    before = Path(shutil.copytree(base, tmp_path / "before"))
    retrain(base)
    refused = trained(federation, 2)
    assert (refused.code, refused.reason) == (
        EXIT_REFUSED,
        f"model.base {base}: its weights differ from those that round 0 recorded. The files changed since then, or it "
        "is another model. Put the original files back, or start a run with another `metadata.name`",
    )
    assert federation.ledger.read(names.update(1, "a", 2), Update) is None
    shutil.copy(before / "model.safetensors", base)
    assert trained(federation, 3).code == EXIT_DONE
    first, third = (federation.record(names.update(1, "a", attempt), Update) for attempt in (1, 3))
    assert first.digest == third.digest


def test_another_chat_template_is_refused_before_anything_is_trained(federation: Federation, base: Path) -> None:
    assignment = federation.evaluation([{"name": "loss", "type": "Loss"}])
    initial = federation.record(names.initial(), Initial)
    (base / "chat_template.jinja").write_text("{{ messages[0].content }}")
    for refused in (trained(federation), federation.run(carrying(assignment, initial.base_fingerprint))):
        assert refused.code == EXIT_REFUSED
        assert f"model.base {base}: its tokenizer or chat template files differ" in refused.reason
    assert "training" not in federation.phases


def test_a_participants_copy_under_another_path_is_the_same_base(federation: Federation, base: Path) -> None:
    federation.initialised()
    federation.model["base"] = str(base.rename(base.with_name("other")))
    assert trained(federation).reason == ""


def test_a_task_of_an_older_hub_is_carried_out_as_before(federation: Federation, base: Path) -> None:
    assignment = federation.assignment(federation.train_work(), round=1)
    retrain(base)
    assert federation.run(assignment).code == EXIT_DONE


class Models:
    """A bucket with a base model; its text is `s3://NAME/base`."""

    def __init__(self, endpoint: str) -> None:
        self.client: Any = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
        self.name = f"models-{uuid.uuid4().hex[:8]}"
        self.client.create_bucket(Bucket=self.name)
        self.place = Place(name="base", s3=S3Access(endpoint=endpoint, region="us-east-1"), setting="model.s3")

    def __str__(self) -> str:
        return f"s3://{self.name}/base"

    def upload(self, base: Path) -> None:
        for file in base.iterdir():
            self.client.upload_file(str(file), self.name, f"base/{file.name}")

    def assignment(self, federation: Federation, work: dict[str, Any], **options: Any) -> Assignment:
        federation.model["base"] = str(self)
        assignment = federation.assignment(work, **options)
        places = assignment.binding.places.model_copy(update={"base": self.place})
        return assignment.model_copy(update={"binding": assignment.binding.model_copy(update={"places": places})})


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Models]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("FEDTRAIN_CACHE", str(tmp_path / "cache"))
    with serving_s3() as endpoint:
        yield Models(endpoint)


def test_a_base_in_a_bucket_is_recorded_as_one_in_a_folder_and_its_weights_stay_there(
    bucket: Models, federation: Federation, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Round 0 does not look at the shapes of weights in a bucket, so they may be any."""
    chance = np.random.default_rng(0)
    tensors = {name: chance.random(LARGE, np.float32) for name in ("a", "b", "c")}
    files = {"model-1.safetensors": ["a", "b"], "model-2.safetensors": ["c"]}
    for file, own in files.items():
        save_file({name: tensors[name] for name in own}, base / file)
    index = {"weight_map": {name: file for file, own in files.items() for name in own}}
    (base / "model.safetensors.index.json").write_text(json.dumps(index))
    (base / "model.safetensors").unlink()
    bucket.upload(base)
    read, fetch = dict[str, int](), Bucket.read

    def counting(self: Bucket, listed: ListedObject, start: int, length: int) -> bytes:
        read[listed.key] = read.get(listed.key, 0) + length
        return fetch(self, listed, start, length)

    monkeypatch.setattr(Bucket, "read", counting)
    assert federation.run(bucket.assignment(federation, {"type": "Initialise", "seed": 17})).reason == ""
    assert federation.record(names.initial(), Initial).base_fingerprint == fingerprint_in(base)
    weights = {key: length for key, length in read.items() if key.endswith(".safetensors")}
    assert weights.keys() == {f"base/{file}" for file in files}
    assert sum(weights.values()) < len(tensors) * SAMPLE + 2000
    assert not list(Path(os.environ["FEDTRAIN_CACHE"]).rglob("*.safetensors"))


def test_weights_that_change_in_a_bucket_are_refused(bucket: Models, federation: Federation, base: Path) -> None:
    bucket.upload(base)
    work = federation.train_work()
    recorded = federation.record(names.initial(), Initial).base_fingerprint
    assert federation.run(carrying(bucket.assignment(federation, work, round=1), recorded)).reason == ""
    retrain(base)
    bucket.upload(base)
    refused = federation.run(carrying(bucket.assignment(federation, work, round=1, attempt=2), recorded))
    assert refused.code == EXIT_REFUSED
    assert refused.reason.startswith(f"model.base {bucket}: its weights differ from those that round 0 recorded")


def test_a_base_in_a_bucket_without_its_weights_is_refused_in_round_0(
    bucket: Models, federation: Federation, base: Path
) -> None:
    (base / "model.safetensors").unlink()
    bucket.upload(base)
    refused = federation.run(bucket.assignment(federation, {"type": "Initialise", "seed": 17}))
    assert refused.code == EXIT_REFUSED
    assert refused.reason.startswith(f"model.base {bucket}: model.safetensors not found in {bucket}. ")


def test_a_model_id_is_not_recorded_because_its_revision_pins_it(
    federation: Federation, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants

    revision = "93efa2f097d58c2a74874c7e644dbc9b0cee75a2"
    shutil.copytree(base, tmp_path / "hub" / "models--org--tiny" / "snapshots" / revision)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    federation.model |= {"base": "org/tiny", "revision": revision}
    initial = federation.initialised()
    assert initial.base_fingerprint is None
    assert b"baseFingerprint" not in canonical(initial)
    assert trained(federation).reason == ""
