"""What federating buys on the quickstart, over several seeds, beside its targets.

    python benchmarks/quickstart_accuracy.py             # 3 seeds x 3 learning rates: half an hour on 2 idle cores
    python benchmarks/quickstart_accuracy.py --smoke     # one small run of each arm, for the test suite

For every seed and learning rate: the federated run, each participant alone with its own budget of steps, all data
pooled with everybody's. The learning rate of each arm is the one with the lowest loss on validation rows (all
participants' for federated and pooled, its own for one alone), from the same grid. Accuracies are on the hub's test
rows; ends with 1 when a target is missed.
"""

import argparse
import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

from fedtrain.api.reading import Federation, read_file
from fedtrain.api.storage import File, Storage
from fedtrain.baseline.compare import Watch, compare
from fedtrain.results.comparison import Arm
from fedtrain.runner.run import workers
from fedtrain.runner.worker_pool import WorkerPool

QUICKSTART = Path(__file__).parents[1] / "examples" / "quickstart" / "federation.yaml"
SEEDS = (17, 18, 19)
LEARNING_RATES = (1e-3, 3e-3, 1e-2)
OVER_ALONE = 1.15
OF_POOLED = 0.9


def federation(folder: Path, seed: int, rate: float, smoke: bool) -> Federation:
    read = read_file(QUICKSTART)
    spec = read.training.spec
    length = spec.training.length.model_copy(update={"steps": 1 if smoke else spec.training.length.steps})
    training = spec.training.model_copy(update={"seed": seed, "learning_rate": rate, "length": length})
    rounds = spec.rounds.model_copy(update={"count": 1 if smoke else spec.rounds.count})
    evaluation = spec.evaluation.model_copy(update={"every": rounds.count})
    storage = Storage(type="File", file=File(path=str(folder / f"{seed}-{rate:g}")))
    changes = {"training": training, "rounds": rounds, "evaluation": evaluation, "storage": storage}
    if smoke:
        changes |= {"participants": spec.participants[:2], "rounds": rounds.model_copy(update={"min_participants": 2})}
    own = spec.model_copy(update=changes)
    return replace(read, training=read.training.model_copy(update={"spec": own}))


def validation_loss(arm: Arm) -> float:
    """On the rows that an arm may look at: its participant's own, or everybody's."""
    losses = {who: metrics["loss"] for who, metrics in arm.own.items()}
    return losses[arm.participant] if arm.participant else mean(losses.values())


def best_arms(pool: WorkerPool, folder: Path, seed: int, rates: tuple[float, ...], smoke: bool) -> dict[str, float]:
    """Accuracy of each arm at its own best learning rate."""
    tried: defaultdict[str, list[tuple[float, float, float]]] = defaultdict(list)
    watch = Watch(lambda event: None, lambda arms: None, lambda arm, event: None, lambda done, of: None)
    for rate in rates:
        compared = compare(federation(folder, seed, rate, smoke), watch, pool=pool)
        for arm in compared.comparison.arms:
            tried[arm.label].append((validation_loss(arm), arm.hub["accuracy"], rate))
    for label, results in tried.items():
        told = "  ".join(f"lr {rate:g}: {accuracy:.1%} ({loss:.3f})" for loss, accuracy, rate in results)
        print(f"seed {seed}  {label:22} {told}", flush=True)
    return {label: min(results)[1] for label, results in tried.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="two participants, a step each: shows that it runs")
    smoke = parser.parse_args().smoke
    seeds, rates = (SEEDS[:1], LEARNING_RATES[:1]) if smoke else (SEEDS, LEARNING_RATES)
    with TemporaryDirectory() as name:
        folder = Path(name)
        with workers(federation(folder, seeds[0], rates[0], smoke), None) as pool:
            found = [best_arms(pool, folder, seed, rates, smoke) for seed in seeds]
    means = {label: mean(accuracies[label] for accuracies in found) for label in found[0]}
    for label, accuracy in means.items():
        print(f"mean of {len(seeds)} seeds  {label:22} {accuracy:.1%}")
    best_alone = max(accuracy for label, accuracy in means.items() if label.endswith(" alone"))
    over, of_pooled = means["federated"] / best_alone, _gain(means, "federated") / _gain(means, "pooled")
    print(f"federated is {over:.2f}x the best participant alone (target at least {OVER_ALONE}x)")
    print(f"federated has {of_pooled:.0%} of pooled's gain over the base (target at least {OF_POOLED:.0%})")
    return 0 if smoke or (over >= OVER_ALONE and of_pooled >= OF_POOLED) else 1


def _gain(means: dict[str, float], arm: str) -> float:
    return means[arm] - means["base"] or 1e-9


if __name__ == "__main__":
    sys.exit(main())
