"""Speed and peak memory of one round's aggregation, from a folder and from a bucket, beside their targets.

    python -m benchmarks.aggregation             # 16 updates of 80 MB; 1.5 GB of disk in the temporary folder
    python -m benchmarks.aggregation --memory    # 4, 64, 256 and 1,000 updates of 2 MB
    python -m benchmarks.aggregation --smoke     # a small round, for the test suite

Memory is the peak resident size (Linux's VmHWM) of a separate process that aggregates. Speed is bytes of updates per
second over the whole of `aggregate` (reading, digests, checks, sum, strategy, writing and flushing or uploading the
results), as a ratio to one numpy addition `a + b` of two arrays in memory (bytes read per second, the best of 5) in the
same run. The addition makes a new array, as an aggregation does. The results are deleted after each run, so each run
stores them. The start of the process and its imports are not included.

Two more ratios to the same addition: `plain sum` is the weighted sum of as many updates in memory, as Flower's
`aggregate_arrayrecords` computes it with numpy, without digests, checks or files; `digests` is BLAKE3 alone on as many
threads, the limit for aggregations that check digests. Files are in the page cache.

`own` is the ratio that the aggregator's processor time alone would give, spread over all cores: the limit for a bucket
whose server is on another machine. It is not a target.

The bucket is on an S3 server (versitygw) on the same cores. `download` is the speed at which the updates arrive from
it with 8 requests at a time, and nothing else is done with them: no aggregation from this bucket is faster. Its
ratio to the addition is printed for a bucket instead of the plain sum's. `upload`: seconds in which a file of an
adapter's size is stored, and nothing else is done. The target for a bucket is to take no longer than twice the download
and once the upload. Exits with 1 when a target is missed.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
from blake3 import blake3
from fedtrain_aggregator.kernels import COMPILED
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from fedtrain.api.storage import Storage
from fedtrain.contracts import names
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.records import Aggregate, Close, Closed, Manifest, Run
from fedtrain.contracts.untrusted_records import Update
from fedtrain.cores import usable_cores
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.open import open_ledger
from fedtrain.privacy.clipping import stated_norm
from hack.cluster.s3_server import S3Server

MB = 10**6
ROOM = 200 * MB
"""Bytes that the peak may have beyond two updates: the interpreter, numpy, buffers."""
LEAST_RATIO = 0.3
"""Ratio to numpy's addition, for FedAvg. FedAdam writes and hashes three files of an adapter's size instead of one."""
LEAST_OF_DOWNLOAD = 0.5
"""Ratio to the download alone, for FedAvg from a bucket without the upload."""
BUCKET = "bench"
ADAPTER = "adapter.safetensors"
CONFIG = "blake3:" + "0" * 64

CHILD = """
import importlib, json, re, sys, time
from pathlib import Path
from fedtrain_aggregator.assignment import carry_out
importlib.import_module(sys.argv[1])
seconds, own = time.perf_counter(), time.process_time()
code, reason = carry_out(sys.stdin.read())
seconds, own = time.perf_counter() - seconds, time.process_time() - own
assert code == 0 and "aggregated" in reason, reason
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024
print(json.dumps({"seconds": seconds, "own": own, "peak": peak}))
"""
"""Not getrusage's ru_maxrss: a process inherits that from the one that started it."""


def write_adapter(path: Path, values: int, seed: int) -> Path:
    """An adapter of `values` float32 values in tensors of rank 16 and width 2048."""
    random = np.random.default_rng(seed)
    layers = -(-values // (2 * 16 * 2048))
    tensors = {
        f"base_model.model.model.layers.{i}.self_attn.q_proj.lora_{part}.weight": (
            random.standard_normal(shape, np.float32) * np.float32(1e-3)
        )
        for i in range(layers)
        for part, shape in (("A", (16, 2048)), ("B", (2048, 16)))
    }
    save_file(tensors, path, {"format": "pt"})
    return path


def make_round(ledger: Ledger, folder: Path, updates: int, values: int, strategy: str) -> int:
    """Write a run whose first round is closed; return the bytes of one update. Updates differ in up to 16 variants."""
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
    file = folder / ADAPTER
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
    size, norm = 0, 0.0
    for seed, participant in enumerate(participants, start=1):
        if seed <= 16:
            tensors = load_file(write_adapter(file, values, seed)).values()
            norm = stated_norm(sqrt(sum(float(np.sum(np.square(one, dtype=np.float64))) for one in tensors)))
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
            norm=norm,
        )
        ledger.claim(names.update(1, participant, 1), record)
        closed.append(Closed(participant=participant, attempt=1, digest=digest, record=digest_of(record)))
    ledger.claim(names.close(1, 1), Close(run_id="bench", round=1, k=1, epoch=1, updates=tuple(closed)))
    return size


def aggregated(ledger: Ledger, storage: Storage) -> tuple[float, float, int]:
    """Aggregate in a separate process: (seconds, seconds of its processor time, peak resident bytes). Deletes the
    results again."""
    plain = storage.model_dump(mode="json", by_alias=True, exclude_none=True)
    order = {"namespace": "bench", "name": ledger.name, "round": 1, "k": 1, "storage": plain}
    store = type(ledger.store).__module__  # a bucket's is imported when it is opened
    command = [sys.executable, "-c", CHILD, store]
    done = subprocess.run(command, input=json.dumps(order), text=True, stdout=subprocess.PIPE)
    done.check_returncode()
    made = ledger.read(names.aggregate(1, 1), Aggregate)
    assert made is not None
    for digest in filter(None, (made.adapter, made.state)):
        ledger.delete(names.blob(digest))
    ledger.delete(names.aggregate(1, 1))
    said = json.loads(done.stdout)
    return said["seconds"], said["own"], said["peak"]


def numpy_addition(values: int) -> float:
    """Bytes a second that one addition of two arrays reads."""
    one, two = (np.ones(values, np.float32) for _ in range(2))
    return 2 * one.nbytes / least_seconds(lambda: one + two)


def plain_sum(values: int) -> float:
    """Bytes a second of a weighted sum of 16 updates in memory, the way of Flower's `aggregate_arrayrecords`. One
    array stands for all of them; it is larger than the caches."""
    update, weight, updates = np.ones(values, np.float32), np.float32(1 / 16), 16

    def summed() -> NDArray[np.float32]:
        total = update * weight
        for _ in range(updates - 1):
            total += update * weight
        return total

    return updates * update.nbytes / least_seconds(summed)


def least_seconds(act: Callable[[], object], times: int = 5) -> float:
    """The first times are longer: the process has no memory for the results yet."""
    seconds: list[float] = []
    for _ in range(times):
        started = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def download_speed(server: S3Server, requests: int = 8) -> float:
    """Bytes a second at which the updates arrive from the bucket, and are forgotten."""
    listed = server.client.list_objects_v2(Bucket=BUCKET)["Contents"]
    keys = [one["Key"] for one in listed if one["Key"].endswith("/update.safetensors")]

    def download(key: str) -> int:
        return sum(map(len, server.client.get_object(Bucket=BUCKET, Key=key)["Body"].iter_chunks(MB)))

    with ThreadPoolExecutor(requests) as pool:
        started = time.perf_counter()
        return sum(pool.map(download, keys)) / (time.perf_counter() - started)


def upload_seconds(ledger: Ledger, file: Path) -> float:
    """Seconds in which a file is stored in the ledger's bucket."""
    started = time.perf_counter()
    ledger.store.create(ledger.key("upload"), file)
    seconds = time.perf_counter() - started
    ledger.delete("upload")
    return seconds


def digest_speed() -> float:
    """Bytes a second that BLAKE3 takes from the cache, on as many threads as an aggregation from a folder has."""
    threads, block, times = min(4, usable_cores()), bytes(2**20), 256

    def digest(_: int) -> None:
        state = blake3()
        for _ in range(times):
            state.update(block)

    with ThreadPoolExecutor(threads) as pool:
        started = time.perf_counter()
        list(pool.map(digest, range(threads)))
        return threads * times * len(block) / (time.perf_counter() - started)


@dataclass(frozen=True)
class Measured:
    """One run: of the aggregation seconds, those of its processor time and its peak resident bytes; of the references
    bytes per second, and of the upload seconds. `reference`: the plain sum, or a bucket's download."""

    seconds: float
    own: float
    peak: int
    addition: float
    reference: float
    digests: float
    upload: float


def measure(
    storage: Storage, server: S3Server, folder: Path, updates: int, values: int, strategy: str, repeat: int, speed: bool
) -> bool:
    """Print one line; return whether its targets are met."""
    ledger = open_ledger(storage, "bench", f"{strategy.lower()}-{updates}")
    size = make_round(ledger, folder, updates, values, strategy)
    values, remote, read = max(values, 4 * MB), storage.type == "S3", updates * size
    runs = [
        Measured(
            *aggregated(ledger, storage),
            numpy_addition(values),
            download_speed(server) if remote else plain_sum(values),
            digest_speed(),
            upload_seconds(ledger, folder / ADAPTER) if remote else 0.0,
        )
        for _ in range(repeat)
    ]
    ledger.delete("")
    seconds, peak = median(run.seconds for run in runs), max(run.peak for run in runs)
    ratio = median(read / run.seconds / run.addition for run in runs)
    own = median(read / (run.own / usable_cores()) / run.addition for run in runs)
    reference = median(run.reference / run.addition for run in runs)
    digests = median(run.digests / run.addition for run in runs)
    most = 2 * size + ROOM
    least = None
    if speed and strategy == "FedAvg":
        allowed = [read / run.reference / LEAST_OF_DOWNLOAD + run.upload for run in runs]
        of_bucket = median(read / longest / run.addition for longest, run in zip(allowed, runs, strict=True))
        least = of_bucket if remote else LEAST_RATIO
    what = f"{updates} x {size / MB:.0f} MB"
    target = "-" if least is None else f"{least:.2f}"
    references = f"{reference:10.2f} {'-':>9} {'-':>7}"
    if remote:
        references = f"{'-':>10} {reference:9.2f} {median(run.upload for run in runs):7.2f}"
    print(
        f"{storage.type:6} {strategy:8} {what:>14} {seconds:8.2f} {peak / MB:8.0f} {most / MB:7.0f} "
        f"{ratio:9.2f} {target:>7} {own:5.2f} {references} {digests:8.2f}",
        flush=True,
    )
    return peak <= most and (least is None or ratio >= least)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--updates", type=int, default=16)
    parser.add_argument("--megabytes", type=int, default=80, help="size of one update")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--store", choices=["File", "S3"], help="measure one store only")
    parser.add_argument("--memory", action="store_true", help="peak memory for more and more updates of 2 MB")
    parser.add_argument("--smoke", action="store_true", help="4 updates of 4 MB, once")
    arguments = parser.parse_args()
    cases = [(arguments.updates, arguments.megabytes, strategy) for strategy in ("FedAvg", "FedAdam")]
    repeat = arguments.repeat
    if arguments.smoke:
        cases, repeat = [(4, 4, "FedAvg")], 1
    elif arguments.memory:
        cases, repeat = [(updates, 2, "FedAvg") for updates in (4, 64, 256, 1000)], 1
    met = True
    print(f"kernels: {'compiled' if COMPILED else 'numpy'}")
    print(
        "store  strategy        updates  seconds  peak MB  target  of numpy  target   own  plain sum  download  upload"
        "  digests"
    )
    with TemporaryDirectory(prefix="aggregation-") as name, S3Server(Path(name) / "server") as server:
        os.environ |= {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key}
        server.client.create_bucket(Bucket=BUCKET)
        places: dict[str, dict[str, object]] = {
            "File": {"type": "File", "file": {"path": f"{name}/store"}},
            "S3": {
                "type": "S3",
                "s3": {"bucket": BUCKET, "endpoint": server.endpoint, "region": server.region},
            },
        }
        for kind, place in places.items():
            if arguments.store in (None, kind):
                for updates, megabytes, strategy in cases:
                    speed = not (arguments.smoke or arguments.memory)
                    storage, values = Storage.model_validate(place), megabytes * MB // 4
                    met &= measure(storage, server, Path(name), updates, values, strategy, repeat, speed)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
