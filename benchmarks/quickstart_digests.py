"""Whether all rounds of the quickstart give the recorded digests.

    python -m benchmarks.quickstart_digests             # 12 rounds, four minutes on 2 idle cores
    python -m benchmarks.quickstart_digests --record    # write them for this processor to quickstart_digests.json
    python -m benchmarks.quickstart_digests --smoke     # one round, compared with nothing, for the test suite

Trained adapters depend on the kernels that torch picks for a processor, so the file has digests for each version of
torch and processor. `tests/local/faults/test_quickstart_digests.py` compares the first two rounds of a run of two. Ends
with 1 when a digest differs, or when nothing is recorded for this processor.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from fedtrain.api.reading import Federation, read_file
from fedtrain.api.storage import File, Storage
from fedtrain.contracts import names
from fedtrain.contracts.records import Manifest
from fedtrain.ledger.open import open_ledger
from fedtrain.runner.run import run
from tests.support.processor import processor

QUICKSTART = Path(__file__).parents[1] / "examples" / "quickstart" / "federation.yaml"
FILE = Path(__file__).with_suffix(".json")
WORKERS = 2


def federation(folder: Path, smoke: bool) -> Federation:
    """The quickstart's own file, with its ledger in `folder`."""
    read = read_file(QUICKSTART)
    spec = read.training.spec
    changes: dict[str, object] = {"storage": Storage(type="File", file=File(path=str(folder)))}
    if smoke:
        length = spec.training.length.model_copy(update={"steps": 1})
        changes["training"] = spec.training.model_copy(update={"length": length})
        changes["rounds"] = spec.rounds.model_copy(update={"count": 1})
    own = spec.model_copy(update=changes)
    return replace(read, training=read.training.model_copy(update={"spec": own}))


def digests(smoke: bool) -> list[str]:
    """The adapter of each round, from round 0."""
    with TemporaryDirectory() as folder:
        own = federation(Path(folder), smoke)
        outcome = run(own, listener=lambda event: None, parallel=WORKERS)
        assert outcome.phase == "Succeeded", outcome.message
        spec, name = own.training.spec, own.training.metadata.name
        ledger = open_ledger(spec.storage, "default", name)
        found = [ledger.read(names.manifest(round), Manifest) for round in range(spec.rounds.count + 1)]
        return [manifest.adapter for manifest in found if manifest is not None]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help=f"write {FILE.name} instead of comparing with it")
    parser.add_argument("--smoke", action="store_true", help="one round: shows that it runs")
    given = parser.parse_args()
    found, here = digests(given.smoke), processor()
    recorded: dict[str, list[str]] = json.loads(FILE.read_text()) if FILE.exists() else {}
    if given.smoke:
        print(f"{len(found)} adapters on {here} (target: the recorded digests of 13)")
        return 0
    if given.record:
        FILE.write_text(json.dumps(recorded | {here: found}, indent=2, sort_keys=True) + "\n")
        print(f"{len(found)} adapters on {here} are recorded in {FILE}")
        return 0
    if here not in recorded:
        print(f"nothing is recorded for {here}: run this at a commit that you trust, with --record")
        return 1
    equal = sum(one == other for one, other in zip(found, recorded[here], strict=True))
    print(f"{equal} of {len(found)} adapters on {here} have the recorded digests (target: all)")
    return 0 if equal == len(found) else 1


if __name__ == "__main__":
    sys.exit(main())
