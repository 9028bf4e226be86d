"""Federations whose participants keep ledgers of privacy beside their data, and their runs."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from fedtrain.api.reading import Federation, read_file
from fedtrain.contracts.records import ModelFacts, Run
from fedtrain.contracts.tasks import Task, Train
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.manifests.privacy_ledger import Unit, released
from fedtrain.preview.dry_run import DIGEST, DryRun
from fedtrain.privacy.accounting import Release
from fedtrain.rounds.decision import AggregateOrder
from fedtrain.rounds.snapshot import TaskKey
from fedtrain.runner import privacy_files
from fedtrain.runner.privacy_places import ledgers_of
from fedtrain.runner.run import enter

BASE = Path(__file__).parents[3] / "examples/quickstart/base"
MEMBERS = ("a", "b")
SEVERAL = {"unit": "Participant", "noise": {"type": "Multiplier", "multiplier": 1.0}}
ROWS = {"unit": "Example", "noise": {"type": "Multiplier", "multiplier": 1.1}}
FACTS = ModelFacts(base_parameters=0, adapter_parameters=0, hidden_size=0, layers=0, vocabulary=0)


def written(
    folder: Path,
    privacy: Mapping[str, Any] = SEVERAL,
    limit: float | None = None,
    name: str = "first",
    uri: str = "../data/rows.jsonl",
    dataset: str = "d",
    rounds: int = 1,
) -> Federation:
    """A federation of a and b, whose data is one file. `limit`: `maxEpsilon` of the policies."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder.parent / "data").mkdir(exist_ok=True)
    (folder.parent / "data/rows.jsonl").write_text('{"text": "x"}\n')
    spec = {
        "model": {"base": str(BASE)},
        "data": {"dataset": dataset, "format": "Text"},
        "participants": [{"name": who} for who in MEMBERS],
        "rounds": {"count": rounds, "minParticipants": 2},
        "training": {"length": {"type": "Steps", "steps": 10}, "batchSize": 20},
        "aggregation": {"weights": "Uniform"},
        "privacy": {
            "budget": {"epsilon": 100, "delta": 1e-5},
            "clipping": {"type": "Fixed", "norm": 1.0},
            **privacy,
        },
    }
    policies = [
        _document(
            "ParticipantPolicy",
            who,
            {
                "datasets": [{"name": dataset, "uri": uri if who == "a" else f"../data/{who}.jsonl"}],
                **({"privacy": {"maxEpsilon": limit}} if limit is not None else {}),
            },
        )
        for who in MEMBERS
    ]
    (folder.parent / "data/b.jsonl").write_text('{"text": "x"}\n')
    with (folder / "federation.yaml").open("w") as file:
        YAML().dump_all([_document("FederatedTraining", name, spec), *policies], file)
    return read_file(folder / "federation.yaml")


def _document(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "fedtrain.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def start(federation: Federation, run_id: str = "run-1", round: int = 1, attempt: int = 1) -> str | None:
    """Start a's task of a round; why it is refused, or None."""
    metadata = federation.training.metadata
    run = Run(run_id=run_id, namespace=metadata.namespace, name=metadata.name, spec={})
    counted = {
        who: Preflight(run_id=run_id, participant=who, samples=1000, validation_samples=0, fingerprint=DIGEST)
        for who in MEMBERS
    }
    for one in DryRun(federation.training.spec, run, counted, FACTS).orders(1):
        if not isinstance(one.order, AggregateOrder) and isinstance(one.order.work, Train) and one.key.who == "a":
            return enter(federation, run, *_later(one.key, one.order, round, attempt))
    raise AssertionError("no task of a")


def _later(key: TaskKey, task: Task, round: int, attempt: int) -> tuple[TaskKey, Task]:
    work = task.work.model_copy(update={"plan": "blake3:" + 64 * str(round)})
    return TaskKey(round, key.kind, key.who, attempt), task.model_copy(
        update={"round": round, "attempt": attempt, "work": work}
    )


def started_together(federations: list[Federation]) -> list[str | None]:
    """The answers to runs that enter their first round at the same time."""
    answers: list[str | None] = []
    together = threading.Barrier(len(federations))

    def begin(number: int) -> None:
        together.wait()
        answers.append(start(federations[number], f"run-{number}"))

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(len(federations))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def ledger(federation: Federation) -> Path:
    (path,) = ledgers_of(federation, federation.policies["a"].spec.datasets[0]).own
    return path


def spent(federation: Federation, unit: Unit = "Participant") -> dict[Release, int]:
    (dataset,) = federation.policies["a"].spec.datasets
    return released(privacy_files.entries_of_data(federation, [dataset]), {dataset.name}, unit)
