"""Runs a federation as `fedtrain run` does, with workers from a zygote: `driver.py FILE ZYGOTE PARALLEL`."""

import sys
from functools import partial
from pathlib import Path

from fedtrain.api.reading import read_file
from fedtrain.local.pool import WorkerPool
from fedtrain.local.progress.plain import PlainProgress
from fedtrain.local.runner import run
from tests.support.zygote import launch


def main(file: str, address: str, parallel: str) -> int:
    pool = WorkerPool(partial(launch, address), int(parallel))
    try:
        outcome = run(read_file(Path(file)), listener=PlainProgress(), pool=pool)
    finally:
        pool.close()
    return 0 if outcome.phase == "Succeeded" else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
