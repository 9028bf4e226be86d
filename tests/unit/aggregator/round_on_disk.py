"""A round in a ledger, on disk or in a bucket: round 0's manifest, a plan's worth of updates, a close."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from math import isfinite, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from fedtrain_aggregator.aggregate import aggregate
from numpy.typing import NDArray
from safetensors.numpy import load, save

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.digests import digest_bytes
from fedtrain.contracts.records import Aggregate, Close, Closed, Manifest, Run
from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import ObjectStore
from fedtrain.privacy.clipping import stated_norm
from tests.support.updates import an_update

Tensors = Mapping[str, NDArray[Any]]

RUN_ID = "run-1"
A, B = "base_model.model.layers.0.q_proj.lora_A.weight", "base_model.model.layers.0.q_proj.lora_B.weight"
A2, B2 = "base_model.model.layers.1.q_proj.lora_A.weight", "base_model.model.layers.1.q_proj.lora_B.weight"
SHAPES = {A: (2, 5), B: (3, 2), A2: (2, 5), B2: (3, 2)}
DIGEST = "blake3:" + "0" * 64


def adapter(seed: int, shapes: Mapping[str, tuple[int, ...]] = SHAPES, scale: float = 1.0) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    return {name: (scale * random.standard_normal(shape)).astype(np.float32) for name, shape in shapes.items()}


def spec_of(participants: Sequence[str], fixed: Mapping[str, float] | None = None, **aggregation: Any):
    members = [{"name": name} | ({"weight": fixed[name]} if fixed else {}) for name in participants]
    return FederatedTrainingSpec.model_validate(
        {
            "model": {"base": "./base"},
            "data": {"dataset": "notes", "format": "Text"},
            "participants": members,
            "rounds": {"count": 3},
            "training": {"length": {"type": "Steps", "steps": 1}},
            "aggregation": aggregation,
        }
    )


@dataclass
class RoundOnDisk:
    """`ledger` with round 0 recorded; `send` updates, then `close` and `aggregate`. `elsewhere`: the store that is not
    on disk."""

    folder: Path
    spec: FederatedTrainingSpec
    start: Tensors
    round: int = 1
    states_norms: bool = False
    sent: list[Closed] = field(default_factory=list)
    elsewhere: ObjectStore | None = None

    def __post_init__(self) -> None:
        self.store = self.elsewhere or FileStore(self.folder / "store")
        self.ledger = self.reopened()
        plain = self.spec.model_dump(mode="json", by_alias=True, exclude_none=True)
        self.ledger.claim(names.RUN, Run(run_id=RUN_ID, namespace="team", name="notes", spec=plain))
        self.record(0, "Initial", self.blob(self.start), None, None, 0)

    def reopened(self) -> Ledger:
        """The ledger as another process sees it: nothing remembered."""
        return Ledger(self.store, "team", "notes")

    def put(self, name: str, content: bytes) -> None:
        self.store.create(f"team/notes/{name}", content)

    def blob(self, tensors: Tensors) -> str:
        return self.ledger.put_blob(self.bytes_of(tensors))

    def bytes_of(self, tensors: Tensors) -> bytes:
        return save(dict(tensors), {"format": "pt"})

    def record(self, round: int, outcome: Any, blob: str, state: str | None, k: int | None, step: int) -> None:
        self.ledger.claim(
            names.manifest(round),
            Manifest(
                run_id=RUN_ID,
                round=round,
                outcome=outcome,
                k=k,
                step=step,
                adapter=blob,
                config=DIGEST,
                state=state,
                previous=DIGEST,
            ),
        )

    def send(self, participant: str, update: Tensors | bytes | None, **record: Any) -> Closed:
        """Stores an update and its record; None: the record alone. `record`: fields that say otherwise."""
        content = update if isinstance(update, bytes) else self.bytes_of(update or self.start)
        folder = names.update_folder(self.round, participant, 1)
        if update is not None:
            self.put(f"{folder}/update.safetensors", content)
        if self.states_norms and update is not None:
            record = {"norm": norm_in(content)} | record
        sent = {"digest": digest_bytes(content), "size": len(content), "samples": 10, "distinct": 10} | record
        made = an_update(run_id=RUN_ID, round=self.round, participant=participant, **sent)
        self.ledger.claim(names.update(self.round, participant, 1), made)
        closed = Closed(participant=participant, attempt=1, digest=made.digest, record=digest_of(made))
        self.sent.append(closed)
        return closed

    def close(self, k: int = 1) -> Close:
        made = Close(run_id=RUN_ID, round=self.round, k=k, epoch=1, updates=tuple(self.sent))
        return self.ledger.claim(names.close(self.round, k), made)

    def aggregate(self, k: int = 1, **options: Any) -> Aggregate | Close:
        return aggregate(self.reopened(), self.round, k, self.spec, **options)

    def commit(self, made: Aggregate | Close) -> None:
        """Record the round as committed, and begin the next one."""
        assert isinstance(made, Aggregate)
        self.record(self.round, "Committed", made.adapter, made.state, made.k, self.round)
        self.round += 1
        self.sent = []

    def tensors(self, digest: str | None) -> dict[str, NDArray[Any]]:
        """The tensors in a blob."""
        assert digest is not None
        with closing(self.ledger.open_blob(digest)) as reader:
            return load(bytes(reader.read(0, reader.size)))


def norm_in(content: bytes) -> float | None:
    """What the record of an update states; None for one without a norm."""
    try:
        tensors = load(content).values()
    except Exception:  # the test sends no safetensors file
        return None
    norm = sqrt(sum(float(np.sum(np.square(values, dtype=np.float64))) for values in tensors))
    return stated_norm(norm) if isfinite(norm) else None


def with_value(value: float) -> Tensors:
    """An update that contains this value."""
    update = adapter(7)
    update[B2][1, 0] = value
    return update


MakeRound = Callable[..., RoundOnDisk]
"""Makes a round: the fixture `make_round`."""
