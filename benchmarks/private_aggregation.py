"""Seconds of a private aggregation (clipping and noise at the hub) beside those of a plain one of the same updates.

    python -m benchmarks.private_aggregation            # 16 updates of 80 MB; 1.5 GB of disk in the temporary folder
    python -m benchmarks.private_aggregation --smoke    # a small round, for the test suite

Both run in this process, in turn, from a folder in the page cache. The ratio is the median of those of neighbouring
runs, which a busy machine slows alike. Exits with 1 when it misses its target. The last column is the ratio of the
processors' seconds, which depends less on other programs.
"""

import argparse
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from fedtrain_aggregator.aggregate import aggregate

from benchmarks.aggregation import CONFIG, MB, make_round
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.storage import File, Storage
from fedtrain.contracts import names
from fedtrain.contracts.privacy_blocks import RoundPrivacy
from fedtrain.contracts.records import Aggregate, Plan, Run
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.open import open_ledger

MOST = 1.5
"""Largest ratio of private to plain."""
PRIVACY = {
    "unit": "Participant",
    "budget": {"epsilon": 8, "delta": 1e-5},
    "clipping": {"type": "Fixed", "norm": 1.0},
    "testingSeed": 1,
}


def seconds(ledger: Ledger, spec: FederatedTrainingSpec) -> tuple[float, float]:
    """Seconds of one aggregation, and those of all processors. Deletes its record again; the draw stays."""
    started, worked = time.perf_counter(), time.process_time()
    made = aggregate(ledger, 1, 1, spec)
    spent = time.perf_counter() - started, time.process_time() - worked
    assert isinstance(made, Aggregate), made
    ledger.delete(names.aggregate(1, 1))
    return spent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--updates", type=int, default=16)
    parser.add_argument("--megabytes", type=int, default=80, help="size of one update")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--smoke", action="store_true", help="4 updates of 4 MB, once")
    arguments = parser.parse_args()
    updates, megabytes, repeat = arguments.updates, arguments.megabytes, arguments.repeat
    if arguments.smoke:
        updates, megabytes, repeat = 4, 4, 1
    with TemporaryDirectory(prefix="private-") as name:
        ledger = open_ledger(Storage(file=File(path=f"{name}/store")), "bench", "private")
        make_round(ledger, Path(name), updates, megabytes * MB // 4, "FedAvg")
        run = ledger.read(names.RUN, Run)
        assert run is not None
        plain = FederatedTrainingSpec.model_validate(run.spec)
        private = FederatedTrainingSpec.model_validate(
            {**run.spec, "aggregation": {"weights": "Uniform"}, "privacy": PRIVACY}
        )
        planned = RoundPrivacy(bound=1.0, multiplier=1.0, update_multiplier=1.0)
        plan = Plan(
            run_id=run.run_id,
            round=1,
            previous=CONFIG,
            members=(),
            progress_start=0,
            progress_end=1,
            privacy=planned,
        )
        ledger.claim(names.plan(1), plan)
        pairs = [(seconds(ledger, plain), seconds(ledger, private)) for _ in range(repeat + 1)][-repeat:]
    ratio, of_processors = (median(noisy[i] / without[i] for without, noisy in pairs) for i in (0, 1))
    without, noisy = (median(pair[i][0] for pair in pairs) for i in (0, 1))
    print("updates        plain s  private s  ratio  target  processors")
    print(f"{updates} x {megabytes} MB {without:11.2f} {noisy:10.2f} {ratio:6.2f} {MOST:7.2f} {of_processors:11.2f}")
    return 0 if ratio <= MOST or arguments.smoke else 1


if __name__ == "__main__":
    sys.exit(main())
