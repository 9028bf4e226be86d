"""What protecting single rows costs: speed of DP-SGD beside plain training, and accuracy of examples/private beside the
quickstart.

    python benchmarks/example_privacy.py             # about 10 minutes on 2 idle cores
    python benchmarks/example_privacy.py --smoke     # a step of each kind, for the test suite

Speed: steps of the quickstart's model on its rows with the same micro-batch, in this process, interleaved; medians.
Accuracy: on the hub's test rows, after the last round. Ends with 1 when a target is missed.
"""

import argparse
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from fedtrain_trainer.adapter_files import config_of
from fedtrain_trainer.distributed import Group
from fedtrain_trainer.examples import Encoder
from fedtrain_trainer.gradients.round import Round
from fedtrain_trainer.lora import Models, initial_weights
from fedtrain_trainer.memory import Fit
from fedtrain_trainer.outcome import silent
from fedtrain_trainer.training import train

from fedtrain.api.reading import Federation, read_file
from fedtrain.api.storage import File, Storage
from fedtrain.contracts.privacy_blocks import ExampleNoise
from fedtrain.contracts.tasks import Train
from fedtrain.data.reader import read_rows
from fedtrain.results.summary import summarise
from fedtrain.runner.run import admit, run, workers

EXAMPLES = Path(__file__).parents[1] / "examples"
SPEED, GAIN = 0.4, 0.5
BATCH = 32


def speed(repeats: int, steps: int) -> float:
    """Rows per second of private training over those of plain training."""
    spec = read_file(EXAMPLES / "quickstart/federation.yaml").training.spec
    base = EXAMPLES / "quickstart/base"
    model = Models().get(base, config_of(spec.model), torch.float32, torch.device("cpu"))
    weights = initial_weights(model, 17)
    rows = read_rows(str(EXAMPLES / "quickstart/data/zoo.jsonl"), spec.data.format)
    examples = Encoder(model.tokenizer, spec.data.format, spec.data.max_length).examples(rows)
    noise = ExampleNoise(probability=min(1.0, BATCH / len(rows)), batch=BATCH, steps=steps, bound=1.0, multiplier=1.0)
    length = spec.training.length.model_copy(update={"steps": steps})
    training = spec.training.model_copy(update={"length": length, "batch_size": BATCH})

    def seconds(private: ExampleNoise | None) -> float:
        model.load(weights)
        work = Train.model_construct(
            seed=5, proximal_mu=None, progress_start=0.0, progress_end=1.0, example_noise=private
        )
        round = Round(work, training, torch.float32, Fit(BATCH, False), None, bytes(32))
        start = time.perf_counter()
        train(model, examples, round, Group(), silent)
        return time.perf_counter() - start

    seconds(noise)  # imports Opacus
    pairs = [(seconds(None), seconds(noise)) for _ in range(repeats)]
    return statistics.median(plain / private for plain, private in pairs)


def accuracies(federation: Federation, folder: Path) -> tuple[float, float]:
    """Before the first round and after the last."""
    storage = Storage(type="File", file=File(path=str(folder)))
    spec = federation.training.spec.model_copy(update={"storage": storage})
    own = replace(federation, training=federation.training.model_copy(update={"spec": spec}))
    with workers(own, None) as pool:
        run(own, listener=lambda event: None, pool=pool)
    summary = summarise(admit(own)[0])
    if summary.privacy is not None:
        print(f"privacy: {summary.privacy.text}")
    return summary.rounds[0].metrics["accuracy"], summary.recorded[-1].metrics["accuracy"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="shows that it runs, measures nothing")
    smoke = parser.parse_args().smoke
    ratio = speed(1, 1) if smoke else speed(5, 20)
    print(
        f"private training: {ratio:.2f} of the rows per second of plain training (target: at least {SPEED})", flush=True
    )
    if smoke:
        return 0
    gains: dict[str, float] = {}
    with TemporaryDirectory() as name:
        for example in ("quickstart", "private"):
            base, last = accuracies(read_file(EXAMPLES / example / "federation.yaml"), Path(name) / example)
            gains[example] = last - base
            print(f"{example}: accuracy {last:.1%}, from {base:.1%}", flush=True)
    kept = gains["private"] / gains["quickstart"]
    print(f"private training keeps {kept:.0%} of the quickstart's gain over the base (target: at least {GAIN:.0%})")
    return 0 if kept >= GAIN and ratio >= SPEED else 1


if __name__ == "__main__":
    sys.exit(main())
