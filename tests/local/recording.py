"""What recorded digests are compared with on every processor: plans."""

import json
from pathlib import Path
from typing import Any

from federation import Small

from fedtrain.api.reading import read_file
from fedtrain.contracts import names
from fedtrain.contracts.canonical import canonical_json
from fedtrain.contracts.digests import digest_bytes
from fedtrain.contracts.records import Plan
from fedtrain.data.mixed_rows import read_data_sets
from fedtrain.data.row import digest_of_rows
from fedtrain.runner.bindings import data_of

FILE = Path(__file__).with_name("recorded_digests.json")


def recorded(name: str) -> dict[str, Any]:
    """Return what is recorded of a federation."""
    return json.loads(FILE.read_text())[name]


def plans(run: Small, rounds: int) -> list[str]:
    """Return a digest of each plan from round 1, without the run's id and the digest of the previous manifest, and with
    the digest of each participant's rows in place of the fingerprint, whose key differs from run to run."""
    federation, found = read_file(run.file), list[str]()
    for round in range(1, rounds + 1):
        plan = run.ledger.read(names.plan(round), Plan)
        assert plan is not None
        plain = plan.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"run_id", "previous"})
        for preflight in plain["preflights"]:
            del preflight["runId"]
            (rows,) = read_data_sets(federation.training.spec.data, data_of(federation, preflight["participant"]))
            preflight["fingerprint"] = digest_of_rows(rows.rows)
        found.append(digest_bytes(canonical_json(plain)))
    return found
