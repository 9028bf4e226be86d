"""`evaluation.gate` rolls rounds of a real run back: what it keeps, and what the chain says."""

from pathlib import Path

from click.testing import CliRunner
from federation import Small

from fedtrain.cli.main import main
from fedtrain.contracts import names
from fedtrain.contracts.gate_state import GateState
from fedtrain.contracts.records import Aggregate, Evaluation
from fedtrain.contracts.run_end import End
from fedtrain.contracts.untrusted_records import Update
from fedtrain.ledger.verify import verify


def gated(folder: Path) -> Small:
    """The learning rate grows from round to round: the first one improves the adapter, the others ruin it."""
    changes = {
        "rounds": {"count": 3},
        "training": {"learningRate": 0.3, "warmupRatio": 0.99},
        "aggregation": {"strategy": "FedAvgM"},
        "evaluation": {
            "hub": {"data": {"uri": "test.jsonl"}, "metrics": [{"name": "loss", "type": "Loss"}]},
            "gate": {"metric": "loss", "maxRegression": 0.1},
        },
    }
    return Small(folder, changes)


def received(small: Small, round: int) -> dict[str, float]:
    """The loss of the adapter that each participant got in a round, on its own validation rows."""
    found: dict[str, float] = {}
    for who in ("museum", "zoo"):
        update = small.ledger.read(names.update(round, who, 1), Update)
        assert update is not None
        found[who] = update.received["loss"]
    return found


def test_a_rollback_restores_adapter_and_server_state_and_is_in_the_chain(zygote: str, tmp_path: Path) -> None:
    small = gated(tmp_path / "run")
    done = small.run(zygote)
    assert done.returncode == 0, done.said
    base, good, bad, last = small.manifests()
    assert [one.outcome for one in (base, good, bad, last)] == ["Initial", "Committed", "RolledBack", "RolledBack"]
    assert good.state is not None
    assert good.adapter != base.adapter
    assert {(one.adapter, one.state, one.step) for one in (bad, last)} == {(good.adapter, good.state, 1)}
    rejected = small.ledger.read(names.aggregate(2, 1), Aggregate)
    assert rejected is not None
    assert rejected.adapter != good.adapter
    assert rejected.state not in (None, good.state)
    assert bad.aggregate == small.ledger.digest(names.aggregate(2, 1)), "what was rejected stays in the chain"
    assert received(small, 3) == received(small, 2) != received(small, 1), "the next round begins with what was kept"
    losses = [
        one.metrics["loss"] for n in range(4) if (one := small.ledger.read(names.evaluation(n, min(n, 1)), Evaluation))
    ]
    assert [one.gate for one in (good, bad, last)] == [
        GateState(best=losses[1]),
        GateState(best=losses[1], consecutive=1, rejected=losses[2]),
        GateState(best=losses[1], consecutive=2, rejected=losses[3]),
    ]
    end = small.ledger.read(names.END, End)
    assert end is not None
    assert (end.outcome, end.adapter) == ("Succeeded", good.adapter)
    found = verify(small.ledger)
    assert found.sound, found.findings
    status = CliRunner().invoke(main, ["status", str(small.file)])
    assert status.stdout.count("was rolled back: loss ") == 2
