"""Add a partitioning and an aggregation strategy, both `Toy`, as docs/partitioning.md and docs/aggregation.md say, and
print as JSON what fedtrain makes of them: `python -m tests.support.toy_strategies FILE FOLDER`.

Runs in a process of its own: the models are built from the registrations when they are imported.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from fedtrain.api.aggregation_strategies import AGGREGATION_STRATEGIES
from fedtrain.api.base import Block, Count
from fedtrain.api.partitioning_strategies import PARTITIONING_STRATEGIES
from fedtrain.api.strategies import StrategySpec


class Toy(Block):
    """Parameters of the toys."""

    factor: Count
    """Factor of the toy."""


PARTITIONING_STRATEGIES["Toy"] = StrategySpec("a toy", Toy)
AGGREGATION_STRATEGIES["Toy"] = StrategySpec("a toy", Toy)

from fedtrain_aggregator.strategies import Block as Floats  # noqa: E402
from fedtrain_aggregator.strategies import State, register  # noqa: E402

from fedtrain.api.crd.document import definition  # noqa: E402
from fedtrain.api.crd.kinds import KINDS  # noqa: E402
from fedtrain.api.federated_training import FederatedTrainingSpec  # noqa: E402
from fedtrain.api.partitioning import Partitioning  # noqa: E402
from fedtrain.api.reading import Invalid, read_file  # noqa: E402
from fedtrain.contracts.records import Aggregate, ModelFacts, Run  # noqa: E402
from fedtrain.contracts.tasks import Train  # noqa: E402
from fedtrain.contracts.untrusted_records import Preflight  # noqa: E402
from fedtrain.partitioning import Situation  # noqa: E402
from fedtrain.partitioning.situation import Want  # noqa: E402
from fedtrain.partitioning.strategies import STRATEGIES  # noqa: E402
from fedtrain.partitioning.strategy import Strategy  # noqa: E402
from fedtrain.preview.dry_run import DIGEST, RUN_ID, DryRun  # noqa: E402
from fedtrain.rounds.decision import AggregateOrder  # noqa: E402
from tests.unit.aggregator.round_on_disk import A, B, RoundOnDisk, spec_of  # noqa: E402


def square_root(spec: Partitioning, situation: Situation) -> tuple[Want, ...]:
    factor = spec.parameters(Toy).factor
    return tuple(Want(factor * int(candidate.population**0.5)) for candidate in situation.candidates)


STRATEGIES["Toy"] = Strategy(square_root)


@register("Toy", state=("steps",), params=Toy)
def divided(x: Floats, update: Floats, state: State, step: int, params: Toy) -> tuple[Floats, State]:
    return x + update / np.float32(params.factor), {"steps": state["steps"] + 1}


def validated(file: Path, *parameters: str) -> list[str]:
    """Return the errors of a file whose blocks contain these lines."""
    lines = "".join(f"\n    {line}" for line in ("strategy: Toy", *parameters))
    file.write_text(
        f"""apiVersion: fedtrain.dev/v1alpha1
kind: FederatedTraining
metadata: {{name: toy}}
spec:
  model: {{base: "s3://models/base"}}
  data: {{dataset: tickets, format: Text}}
  participants: [{{name: anna}}, {{name: ben}}]
  rounds: {{count: 2}}
  training: {{length: {{type: Steps, steps: 3}}}}
  partitioning:{lines}
  aggregation:{lines}
"""
    )
    try:
        read_file(file, policies_elsewhere=True)
    except Invalid as error:
        return [f"{one.line}: {one.message}" for one in error.errors]
    return []


def schema_of(block: str) -> Any:
    (kind,) = (kind for kind in KINDS if kind.name == "FederatedTraining")
    root = definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    found = root["properties"]["spec"]["properties"][block]
    texts = [rule["rule"] for rule in found["x-kubernetes-validations"]]
    return {
        "values": found["properties"]["strategy"]["enum"],
        "description": found["properties"]["strategy"]["description"],
        "toy": found["properties"]["toy"],
        "rules": [text for text in texts if "Toy" in text],
    }


def planned() -> list[Any]:
    """Return round, participant, start and size of the slices of a run's two rounds."""
    plain = {
        "model": {"base": "./base"},
        "data": {"dataset": "tickets", "format": "Text"},
        "participants": [{"name": "anna"}, {"name": "ben"}],
        "rounds": {"count": 2},
        "training": {"length": {"type": "Steps", "steps": 3}},
        "partitioning": {"strategy": "Toy", "toy": {"factor": 4}},
    }
    preflights = {
        name: Preflight(run_id=RUN_ID, participant=name, samples=size, validation_samples=0, fingerprint=DIGEST)
        for name, size in (("anna", 100), ("ben", 30))
    }
    dry_run = DryRun(
        FederatedTrainingSpec.model_validate(plain),
        Run(run_id=RUN_ID, namespace="default", name="toy", spec=plain),
        preflights,
        ModelFacts(base_parameters=0, adapter_parameters=0, hidden_size=0, layers=0, vocabulary=0),
    )
    return [
        (start.key.round, start.key.who, start.order.work.start, start.order.work.samples)
        for start in dry_run.orders(last=2)
        if not isinstance(start.order, AggregateOrder) and isinstance(start.order.work, Train)
    ]


def aggregated(folder: Path) -> dict[str, Any]:
    """Return the adapter and the state after a round of one participant."""
    start = {A: np.array([[1, 1]], np.float32), B: np.array([[1]], np.float32)}
    round = RoundOnDisk(folder, spec_of(["anna"], strategy="Toy", toy={"factor": 2}), start)
    round.send("anna", {A: np.array([[4, 8]], np.float32), B: np.array([[2]], np.float32)})
    round.close()
    made = round.aggregate()
    assert isinstance(made, Aggregate)
    adapter, state = round.tensors(made.adapter), round.tensors(made.state)
    return {"adapter": [adapter[name].tolist() for name in (A, B)], "steps": state["steps"].tolist()}


def main(file: Path, folder: Path) -> None:
    found = {
        "without": validated(file),
        "with": validated(file, "toy: {factor: 2}"),
        "partitioning": schema_of("partitioning"),
        "aggregation": schema_of("aggregation"),
        "planned": planned(),
        "aggregated": aggregated(folder),
    }
    print(json.dumps(found))


main(Path(sys.argv[1]), Path(sys.argv[2]))
