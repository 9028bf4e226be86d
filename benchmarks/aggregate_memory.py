"""Peak memory and speed of one round's aggregation, beside their targets.

    python benchmarks/aggregate_memory.py             # 16 updates of 80 MB; 1.5 GB of disk in the temporary folder
    python benchmarks/aggregate_memory.py --smoke     # the same in small, for the test suite

Memory is the peak resident size (Linux's VmHWM) of a process of its own that aggregates from a ledger in a folder.
Speed is bytes of updates a second, over the whole of `aggregate` (reading, digests, checks, sum, the strategy, writing
and flushing the results), as a ratio to one numpy addition of two arrays in memory (bytes read a second) in the same
run. The files are in the page cache. Ends with 1 when a target is missed.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from fedtrain.adapters.tensor_writer import TensorWriter
from fedtrain.contracts import names
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.records import Close, Closed, Manifest, Run, Update
from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.ledger import Ledger

MB = 10**6
ROOM = 200 * MB
"""Bytes that the peak may have beyond two updates: the interpreter, numpy, buffers."""
LEAST_RATIO = 0.03
"""Of numpy's addition. The digest alone bounds it at about a third on one core."""
CONFIG = "blake3:" + "0" * 64

CHILD = """
import json, re, sys, time
from pathlib import Path
from fedtrain_aggregator.assignment import carry_out
seconds = time.perf_counter()
code, reason = carry_out(sys.stdin.read())
seconds = time.perf_counter() - seconds
assert code == 0 and "aggregated" in reason, reason
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024
print(json.dumps({"seconds": seconds, "peak": peak}))
"""
"""Not getrusage's ru_maxrss: a process inherits that from the one that started it."""


def write_adapter(path: Path, values: int, seed: int) -> Path:
    """An adapter of `values` float32 values in tensors of rank 16 and width 2048."""
    random = np.random.default_rng(seed)
    layers = -(-values // (2 * 16 * 2048))
    shapes = {
        f"base_model.model.model.layers.{i}.self_attn.q_proj.lora_{part}.weight": ("F32", shape)
        for i in range(layers)
        for part, shape in (("A", (16, 2048)), ("B", (2048, 16)))
    }
    with TensorWriter(path, shapes) as writer:
        for name in writer.order:
            writer.write(name, random.standard_normal(16 * 2048, np.float32) * np.float32(1e-3))
    return path


def make_round(folder: Path, updates: int, values: int, strategy: str) -> int:
    """A ledger in `folder` whose first round is closed; returns the bytes of one update."""
    ledger = Ledger(FileStore(folder / "store"), "bench", "round")
    participants = [f"p{i}" for i in range(updates)]
    spec = {
        "model": {"base": "./base"},
        "data": {"dataset": "rows", "format": "Text"},
        "participants": [{"name": name} for name in participants],
        "rounds": {"count": 1},
        "training": {"length": {"type": "Steps", "steps": 1}},
        "aggregation": {"strategy": strategy},
    }
    ledger.claim(names.RUN, Run(run_id="bench", namespace="bench", name="round", spec=spec))
    file = folder / "adapter.safetensors"
    start = Manifest(
        run_id="bench",
        round=0,
        outcome="Initial",
        k=None,
        step=0,
        adapter=ledger.put_blob(write_adapter(file, values, 0)),
        config=CONFIG,
        state=None,
        previous=CONFIG,
    )
    ledger.claim(names.manifest(0), start)
    closed: list[Closed] = []
    size = 0
    for seed, participant in enumerate(participants, start=1):
        write_adapter(file, values, seed)
        digest, size = ledger.put_file(f"{names.update_folder(1, participant, 1)}/update.safetensors", file)
        record = Update(
            run_id="bench",
            round=1,
            participant=participant,
            attempt=1,
            file="update.safetensors",
            digest=digest,
            size=size,
            samples=100,
            distinct=100,
            steps=1,
            tokens=100,
            train_loss=1.0,
        )
        ledger.claim(names.update(1, participant, 1), record)
        closed.append(Closed(participant=participant, attempt=1, digest=digest, record=digest_of(record)))
    ledger.claim(names.close(1, 1), Close(run_id="bench", round=1, k=1, epoch=1, updates=tuple(closed)))
    return size


def aggregated(folder: Path) -> tuple[float, int]:
    """Aggregates in a process of its own: (seconds, peak resident bytes). The result is removed again."""
    storage = {"type": "File", "file": {"path": str(folder / "store")}}
    order = {"namespace": "bench", "name": "round", "round": 1, "k": 1, "storage": storage}
    done = subprocess.run([sys.executable, "-c", CHILD], input=json.dumps(order), text=True, stdout=subprocess.PIPE)
    done.check_returncode()
    (folder / "store/bench/round" / names.aggregate(1, 1)).unlink()
    said = json.loads(done.stdout)
    return said["seconds"], said["peak"]


def numpy_addition(values: int) -> float:
    """Bytes a second that one addition of two arrays reads."""
    one, two, out = (np.ones(values, np.float32) for _ in range(3))
    started = time.perf_counter()
    np.add(one, two, out=out)
    return 2 * out.nbytes / (time.perf_counter() - started)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--updates", type=int, default=16)
    parser.add_argument("--megabytes", type=int, default=80, help="of one update")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--smoke", action="store_true", help="4 updates of 4 MB, once")
    arguments = parser.parse_args()
    updates, values, repeat = arguments.updates, arguments.megabytes * MB // 4, arguments.repeat
    if arguments.smoke:
        updates, values, repeat = 4, MB, 1
    met = True
    print(f"{'strategy':10} {'updates':>14} {'seconds':>8} {'peak MB':>8} {'target':>7} {'of numpy':>9} {'target':>7}")
    for strategy in ("FedAvg", "FedAdam"):
        with TemporaryDirectory(prefix="aggregate-memory-") as name:
            folder = Path(name)
            size = make_round(folder, updates, values, strategy)
            runs = [(*aggregated(folder), numpy_addition(values)) for _ in range(repeat)]
        seconds, peak = median(run[0] for run in runs), max(run[1] for run in runs)
        ratio = median(updates * size / spent / added for spent, _, added in runs)
        most = 2 * size + ROOM
        judged = arguments.smoke or ratio >= LEAST_RATIO  # a few milliseconds say nothing of speed
        met = met and peak <= most and judged
        least = "-" if arguments.smoke else f"{LEAST_RATIO:.2f}"
        what = f"{updates} x {size / MB:.0f} MB"
        print(f"{strategy:10} {what:>14} {seconds:8.2f} {peak / MB:8.0f} {most / MB:7.0f} {ratio:9.2f} {least:>7}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
