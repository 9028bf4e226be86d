"""The quickstart's own file, data, base model and settings, for two rounds, give the digests of commit a5e4b5b.

On every processor: the plans, the initial adapter, and the hub's metrics within 2 %. The trained adapters only where
`recorded_digests.json` has the same torch and processor. `python -m benchmarks.quickstart_digests` compares the
adapters of all 12 rounds.
"""

import shutil

import pytest
from federation import QUICKSTART, Small
from recording import plans, recorded

from fedtrain.contracts import names
from fedtrain.contracts.records import Evaluation
from tests.support.processor import processor

ROUNDS = 2
RECORDED = recorded("quickstart")


@pytest.fixture(scope="module")
def quickstart(zygote: str, tmp_path_factory: pytest.TempPathFactory) -> Small:
    folder = tmp_path_factory.mktemp("quickstart")
    for name in ("base", "data"):
        shutil.copytree(QUICKSTART / name, folder / name)
    text = (QUICKSTART / "federation.yaml").read_text()
    assert text.count("count: 12") == 1
    run = Small(folder, name="quickstart", text=text.replace("count: 12", f"count: {ROUNDS}"))
    done = run.run(zygote)
    assert done.returncode == 0, done.said
    return run


def test_the_plans_have_the_recorded_digests(quickstart: Small) -> None:
    assert plans(quickstart, ROUNDS) == RECORDED["plans"]


def test_the_initial_adapter_has_the_recorded_digest(quickstart: Small) -> None:
    assert quickstart.digests()[0] == (RECORDED["initial"], None, "Initial")


def test_the_metrics_are_those_that_were_recorded(quickstart: Small) -> None:
    found = [quickstart.ledger.read(names.evaluation(k, 1 if k else 0), Evaluation) for k in range(ROUNDS + 1)]
    assert [one.metrics for one in found if one] == [pytest.approx(one, rel=0.02) for one in RECORDED["metrics"]]


def test_the_trained_adapters_have_the_recorded_digests(quickstart: Small) -> None:
    here = processor()
    if here not in RECORDED["rounds"]:
        pytest.skip(f"nothing is recorded for {here}")
    assert quickstart.digests()[1:] == [tuple(one) for one in RECORDED["rounds"][here]]
