"""What each privacy mode costs in accuracy: aggregation strategies by modes, on the quickstart at one epsilon.

    python benchmarks/privacy_modes.py [--strategies FedAvg FedAdam ...] [--rounds N]   # 4 minutes for a strategy
    python benchmarks/privacy_modes.py --smoke     # one cell, for the test suite

Prints a table in Markdown: accuracy on the hub's test rows after the last round. Rows are protected with the training
of examples/private, and participants with that of the quickstart. Target: with four participants, protecting rows costs
less accuracy than protecting participants.
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.reading import Federation, read_file
from fedtrain.api.storage import File, Storage
from fedtrain.results.summary import summarise
from fedtrain.runner.run import admit, run, workers
from fedtrain.runner.worker_pool import WorkerPool

EXAMPLES = Path(__file__).parents[1] / "examples"
STRATEGIES = ("FedAvg", "FedAvgM", "FedAdam", "FedYogi")
STEPS = 48
"""Steps of the whole run that protects rows: 96, as in the example, take more than twice the time of the others."""
BUDGET = {"epsilon": 8.0, "delta": 1e-5}
FIXED: Mapping[str, Any] = {"type": "Fixed", "norm": 1.0}
ADAPTIVE: Mapping[str, Any] = {"type": "Adaptive"}
MODES: Mapping[str, Mapping[str, Any] | None] = {
    "no privacy": None,
    "Participant, Server, Fixed": {"unit": "Participant", "clipping": FIXED},
    "Participant, Server, Adaptive": {"unit": "Participant", "clipping": ADAPTIVE},
    "Participant, Client, Fixed": {"unit": "Participant", "clipping": {**FIXED, "location": "Client"}},
    "Participant, Client, Adaptive": {"unit": "Participant", "clipping": {**ADAPTIVE, "location": "Client"}},
    "Example": {"unit": "Example", "clipping": FIXED},
}


def cell(federation: Federation, pool: WorkerPool, folder: Path, changes: Mapping[str, Any]) -> float:
    """Accuracy after the last round."""
    spec = {**plain(federation), **changes}
    spec["evaluation"].pop("participants", None)
    own = FederatedTrainingSpec.model_validate(spec)
    own = own.model_copy(update={"storage": Storage(type="File", file=File(path=str(folder)))})
    made = replace(federation, training=federation.training.model_copy(update={"spec": own}))
    run(made, listener=lambda event: None, pool=pool)
    return summarise(admit(made)[0]).recorded[-1].metrics["accuracy"]


def plain(federation: Federation) -> dict[str, Any]:
    return federation.training.spec.model_dump(mode="json", by_alias=True, exclude_none=True)


def training_of(mode: str, rounds: int) -> dict[str, Any]:
    """The training of the example that suits the mode; that of examples/private with STEPS in all."""
    rows = mode == "Example"
    spec = plain(read_file(EXAMPLES / ("private" if rows else "quickstart") / "federation.yaml"))
    training = spec["training"]
    if rows:
        training["length"]["steps"] = STEPS // rounds
    return training


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="shows that it runs, measures nothing")
    parser.add_argument("--strategies", nargs="+", default=STRATEGIES, choices=STRATEGIES)
    parser.add_argument("--rounds", type=int, default=4)
    asked = parser.parse_args()
    strategies, modes = (("FedAvg",), ("Example",)) if asked.smoke else (asked.strategies, tuple(MODES))
    federation = read_file(EXAMPLES / "quickstart/federation.yaml")
    terms = f"epsilon {BUDGET['epsilon']:g}, delta {BUDGET['delta']:g} (target: Example above Participant)"
    print(f"| {' | '.join((terms, *modes))} |")
    print("|" + "---|" * (len(modes) + 1), flush=True)
    with TemporaryDirectory() as name, workers(federation, None) as pool:
        for strategy in strategies:
            row: list[str] = []
            for mode in modes:
                changes: dict[str, Any] = {
                    "aggregation": {"strategy": strategy, "weights": "Uniform", "merge": "FreezeA"},
                    "rounds": {"count": 1 if asked.smoke else asked.rounds, "minParticipants": 3},
                    "training": training_of(mode, asked.rounds),
                }
                if asked.smoke:
                    changes["training"]["length"] = {"type": "Steps", "steps": 1}
                chosen = MODES[mode]
                changes["privacy"] = {**chosen, "budget": BUDGET} if chosen else None
                row.append(
                    f"{cell(federation, pool, Path(name) / f'{strategy}-{mode}'.replace(', ', '-'), changes):.1%}"
                )
            print(f"| {strategy} | {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
