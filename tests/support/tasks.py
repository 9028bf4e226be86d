"""Tasks of a participant, as the coordinator makes them."""

from typing import Any

from fedtrain.api.data import Data
from fedtrain.api.model import Model
from fedtrain.api.training import Length, Training
from fedtrain.contracts.digests import Digest
from fedtrain.contracts.tasks import Task, Train, Work

RUN_ID = "r1"
DIGEST: Digest = "blake3:" + "0" * 64


def train_work(**changes: Any) -> Train:
    """Four of ten rows, in the first half of the learning-rate schedule."""
    fields = {
        "adapter": DIGEST,
        "config": DIGEST,
        "fingerprint": DIGEST,
        "population": 10,
        "start": 0,
        "samples": 4,
        "distinct": 4,
        "seed": 1,
        "progress_start": 0.0,
        "progress_end": 0.5,
    }
    return Train.model_validate(fields | changes)


def task_of(work: Work, participant: str | None = "bank-a", **changes: Any) -> Task:
    """A task of the run `tickets` in the namespace `hub`, with one step of training."""
    fields = {
        "namespace": "hub",
        "name": "tickets",
        "run_id": RUN_ID,
        "round": 1,
        "attempt": 1,
        "participant": participant,
        "model": Model(base="./base"),
        "data": Data(dataset="tickets", format="Text"),
        "training": Training(length=Length(type="Steps", steps=1)),
        "work": work,
    }
    return Task.model_validate(fields | changes)
