"""A round on disk whose plan has privacy."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from round_on_disk import RUN_ID, A, B, RoundOnDisk, adapter

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.contracts.noise_records import Spend
from fedtrain.contracts.privacy_blocks import RoundPrivacy
from fedtrain.contracts.records import Aggregate, Plan
from fedtrain.privacy.adaptive_clipping import update_multiplier

PEOPLE = ("anna", "ben", "carla", "dora")
SHAPES = {A: (100, 60), B: (60, 100)}
VALUES = 12_000
ADAPTIVE = {"type": "Adaptive", "adaptive": {"targetQuantile": 0.5, "learningRate": 0.2}}


def privacy(clipping: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A testing seed makes statistics repeatable; tests of the draw itself set it to None."""
    return {
        "testingSeed": 5,
        "unit": "Participant",
        "budget": {"epsilon": 8, "delta": 1e-5},
        "clipping": clipping or {"type": "Fixed", "norm": 1.0},
    } | fields


@dataclass
class Private:
    """A round whose plan has privacy."""

    round: RoundOnDisk
    planned: RoundPrivacy

    @property
    def folder(self) -> Any:
        return self.round.folder

    def plan(self) -> None:
        plan = Plan(
            run_id=RUN_ID,
            round=self.round.round,
            previous="blake3:" + "0" * 64,
            members=(),
            progress_start=0,
            progress_end=1,
            privacy=self.planned,
        )
        self.round.ledger.claim(names.plan(self.round.round), plan)

    def aggregated(self, k: int = 1) -> Aggregate:
        made = self.round.aggregate(k)
        assert isinstance(made, Aggregate)
        return made

    def spend(self, k: int = 1) -> Spend | None:
        return self.round.reopened().read(names.spend(self.round.round, k), Spend)

    def step(self, made: Aggregate) -> Any:
        """The change of the adapter, as one vector."""
        before, after = self.round.start, self.round.tensors(made.adapter)
        return np.concatenate([(after[name] - before[name]).ravel() for name in sorted(SHAPES)])

    def blobs(self) -> set[str]:
        return set(self.round.reopened().names("blobs/"))


Make = Callable[..., Private]
"""Makes a round: see `maker`."""


def maker(folder: Path, shapes: Mapping[str, tuple[int, int]] = SHAPES, states_norms: bool = True) -> Make:
    """Return a function (clipping norm, multiplier, ...) -> a round with its plan, in a folder below `folder`.
    `shapes`: of the adapter's tensors. `states_norms`: whether records state the norms of updates that the hub clips;
    those of an older participant do not."""
    count = itertools.count()

    def private(
        bound: float = 1.0,
        multiplier: float = 1.0,
        indicator_noise: float | None = None,
        people: tuple[str, ...] = PEOPLE,
        clipping_location: Literal["Client"] | None = None,
        noise_shares: int | None = None,
        strategy: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> Private:
        own = folder / str(next(count))
        own.mkdir()
        spec = FederatedTrainingSpec.model_validate(
            {
                "model": {"base": "./base"},
                "data": {"dataset": "notes", "format": "Text"},
                "participants": [{"name": name} for name in people],
                "rounds": {"count": 3},
                "training": {"length": {"type": "Steps", "steps": 1}},
                "aggregation": {"weights": "Uniform"} | dict(strategy or {}),
                "privacy": privacy(**fields),
            }
        )
        updates = multiplier if indicator_noise is None else update_multiplier(multiplier, indicator_noise)
        planned = RoundPrivacy(
            bound=bound,
            multiplier=multiplier,
            update_multiplier=updates,
            indicator_noise=indicator_noise,
            clipping_location=clipping_location,
            noise_shares=noise_shares,
        )
        stated = states_norms and clipping_location is None
        made = Private(RoundOnDisk(own, spec, adapter(0, dict(shapes), scale=0.0), states_norms=stated), planned)
        made.plan()
        return made

    return private


def filled(made: Private, scale: float = 0.1, people: tuple[str, ...] = PEOPLE) -> Private:
    for number, who in enumerate(people):
        made.round.send(who, adapter(number + 1, SHAPES, scale))
    made.round.close()
    return made
