"""The tables of docs/choosing-rounds.md: accuracy and loss of the quickstart by rounds, learning rate and length.

    python benchmarks/choosing_rounds.py            # 6 runs, seed 17: about 12 minutes on 2 idle cores
    python benchmarks/choosing_rounds.py --smoke    # one step in each round, for the test suite

Prints the three tables as the page has them. The targets are what the page concludes: few long rounds have the worst
loss, a learning rate of 1e-2 is worse than no training, and a run of 12 rounds has most of its gain after 6. Ends with
1 if one does not hold.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from fedtrain.api.reading import read_file
from fedtrain.api.storage import File, Storage
from fedtrain.ledger.open import open_ledger
from fedtrain.results.summary import summarise
from fedtrain.runner.run import run

QUICKSTART = Path(__file__).parents[1] / "examples" / "quickstart" / "federation.yaml"
SEED = 17
WORKERS = 2
RATE = 3e-3
LENGTHS = ((2, 60), (6, 20), (12, 10))
"""Rounds, and steps in each: 120 steps of each participant."""
RATES = (1e-3, 3e-3, 1e-2)
COLUMNS = (0, 1, 2, 3, 4, 5, 6, 8, 10, 12)
"""Rounds of the table of the quickstart's own length."""
Metrics = Mapping[str, float]


@dataclass(frozen=True)
class Setting:
    """`steps`: in each round. `each`: evaluate each round, not only the first and last adapter."""

    rounds: int
    steps: int
    rate: float = RATE
    each: bool = False


def measure(setting: Setting) -> dict[int, Metrics]:
    """Run the quickstart with this setting and return the hub's metrics by round."""
    with TemporaryDirectory() as folder:
        read = read_file(QUICKSTART)
        spec = read.training.spec
        length = spec.training.length.model_copy(update={"steps": setting.steps})
        own = spec.model_copy(
            update={
                "rounds": spec.rounds.model_copy(update={"count": setting.rounds}),
                "training": spec.training.model_copy(
                    update={"length": length, "learning_rate": setting.rate, "seed": SEED}
                ),
                "evaluation": spec.evaluation.model_copy(update={"every": 1 if setting.each else setting.rounds}),
                "storage": Storage(type="File", file=File(path=folder)),
            }
        )
        federation = replace(read, training=read.training.model_copy(update={"spec": own}))
        outcome = run(federation, listener=lambda event: None, parallel=WORKERS)
        assert outcome.phase == "Succeeded", outcome.message
        metadata = federation.training.metadata
        summary = summarise(open_ledger(own.storage, metadata.namespace, metadata.name))
        return {round.number: round.metrics for round in summary.recorded}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    first, *others = (f"| {' | '.join(line)} |" for line in (head, *rows))
    return "\n".join([first, f"|{'---|' * len(head)}", *others])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="few rounds of one step: shows that it runs")
    smoke = parser.parse_args().smoke
    lengths = ((1, 2), (2, 1)) if smoke else LENGTHS
    rates = RATES[1:] if smoke else RATES
    main_length = lengths[1]

    by_length = {length: measure(Setting(*length)) for length in lengths}
    last = {length: metrics[length[0]] for length, metrics in by_length.items()}
    rows = [(f"{rounds}", f"{steps}", *shown(last[rounds, steps])) for rounds, steps in lengths]
    print(table(("rounds", "steps per round", "accuracy", "loss at the hub"), rows), flush=True)

    base = by_length[main_length][0]["accuracy"]
    by_rate = {
        rate: last[main_length] if rate == RATE else measure(Setting(*main_length, rate))[main_length[0]]
        for rate in rates
    }
    rows = [(f"{rate:.0e}".replace("e-0", "e-"), *shown(metrics, base)) for rate, metrics in by_rate.items()]
    print("\n" + table(("learning rate", "accuracy", "loss at the hub"), rows), flush=True)

    own_rounds, own_steps = (2, 1) if smoke else (12, 25)
    whole = measure(Setting(own_rounds, own_steps, each=True))
    columns = [round for round in COLUMNS if round <= own_rounds]
    rows = [
        ("accuracy", *(f"{whole[round]['accuracy']:.1%}" for round in columns)),
        ("loss", *(f"{whole[round]['loss']:.2f}" for round in columns)),
    ]
    print("\n" + table((f"round of {own_steps} steps", *map(str, columns)), rows) + "\n", flush=True)

    losses = [last[length]["loss"] for length in lengths]
    first, middle, final = (whole[round]["accuracy"] for round in (0, own_rounds // 2, own_rounds))
    highest = by_rate[rates[-1]]["accuracy"]
    share = (middle - first) / (final - first or 1e-9)
    print(f"loss after {lengths[0][0]} long rounds: {losses[0]:.3f} (target: above {max(losses[1:]):.3f})")
    print(f"accuracy with learning rate {rates[-1]:g}: {highest:.1%} (target: below the base model's {base:.1%})")
    print(f"gain after {own_rounds // 2} of {own_rounds} rounds: {share:.0%} of the whole (target: at least 80%)")
    return 0 if smoke or (losses[0] > max(losses[1:]) and highest < base and share >= 0.8) else 1


def shown(metrics: Metrics, base: float = 0.0) -> tuple[str, str]:
    """Return accuracy and loss as cells. `base`: accuracy of the base model."""
    accuracy = f"{metrics['accuracy']:.1%}"
    if metrics["accuracy"] < base:
        accuracy += f", less than the base model's {base:.1%}"
    return accuracy, f"{metrics['loss']:.3f}"


if __name__ == "__main__":
    sys.exit(main())
