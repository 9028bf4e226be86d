"""What a round costs beyond its training steps, beside its target.

    python benchmarks/rounds_overhead.py            # 4 participants on 2 workers, 5 rounds of 20 steps
    python benchmarks/rounds_overhead.py --smoke    # the same in small, for the test suite

Runs the quickstart's federation without evaluation. For every round after the first: its wall time, over the time of
all steps inside the trainers divided by the workers, which is what two perfectly used workers would take. Both are
from the run's own telemetry. Ends with 1 when the target is missed.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

from fedtrain.api.evaluation import Evaluation
from fedtrain.api.reading import Federation, read_file
from fedtrain.api.storage import File, Storage
from fedtrain.contracts import names
from fedtrain.ledger.open import open_ledger
from fedtrain.runner.run import run

QUICKSTART = Path(__file__).parents[1] / "examples" / "quickstart" / "federation.yaml"
TARGET = 1.3
WORKERS = 2


def federation(folder: Path, rounds: int, steps: int) -> Federation:
    """The quickstart with these rounds, evaluation off."""
    read = read_file(QUICKSTART)
    spec = read.training.spec
    length = spec.training.length.model_copy(update={"steps": steps})
    own = spec.model_copy(
        update={
            "rounds": spec.rounds.model_copy(update={"count": rounds}),
            "training": spec.training.model_copy(update={"length": length, "keep": "Last"}),
            "data": spec.data.model_copy(update={"validation_fraction": 0.0}),
            "evaluation": Evaluation(),
            "storage": Storage(type="File", file=File(path=str(folder))),
        }
    )
    return replace(read, training=read.training.model_copy(update={"spec": own}))


def measure(rounds: int, steps: int) -> list[tuple[float, float]]:
    """(wall seconds, seconds of all steps / workers) of every round after the first."""
    with TemporaryDirectory() as folder:
        own = federation(Path(folder), rounds, steps)
        outcome = run(own, listener=lambda event: None, parallel=WORKERS)
        assert outcome.phase == "Succeeded", outcome.message
        ledger = open_ledger(own.training.spec.storage, "default", own.training.metadata.name)
        found: list[tuple[float, float]] = []
        for number in range(2, rounds + 1):
            name = names.telemetry(f"{names.round_folder(number)}/runner.json")
            told = json.loads(ledger.content(name))
            stepping = sum(task["phases"].get("training", 0.0) for task in told["tasks"] if task["kind"] == "Train")
            found.append((told["wallSeconds"], stepping / WORKERS))
        return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="a few seconds: shows that it runs, measures little")
    smoke = parser.parse_args().smoke
    measured = measure(rounds=2 if smoke else 5, steps=2 if smoke else 20)
    for number, (wall, ideal) in enumerate(measured, start=2):
        print(f"round {number}: wall {wall:6.2f} s   steps / workers {ideal:6.2f} s   ratio {wall / ideal:.2f}")
    ratio = mean(wall for wall, _ in measured) / mean(ideal for _, ideal in measured)
    print(f"rounds after the first: {ratio:.2f}x of their steps (target at most {TARGET}x)")
    return 0 if smoke or ratio <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
