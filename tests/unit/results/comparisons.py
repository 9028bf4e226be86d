"""A comparison made by hand, for the run of `ledger_by_hand`."""

from fedtrain.ledger.ledger import Ledger
from fedtrain.results.comparison import Arm, Comparison, write_comparison
from fedtrain.results.summary import summarise
from tests.support.ledger_by_hand import HUB, WHO

ALONE = {"museum": 0.535, "observatory": 0.435, "zoo": 0.501}


def own(value: float) -> dict[str, dict[str, float]]:
    return {who: {"accuracy": value + len(who) / 100} for who in WHO}


def arms(pooled: bool = True) -> tuple[Arm, ...]:
    found = [Arm("Base", hub={"accuracy": HUB[0], "loss": 2.748}, own=own(0.1))]
    found += [
        Arm("Alone", who, steps=75, hub={"accuracy": value, "loss": 1.9}, own=own(value))
        for who, value in ALONE.items()
    ]
    found.append(Arm("Federated", steps=225, hub={"accuracy": HUB[3], "loss": 1.658}, own=own(0.66)))
    if pooled:
        found.append(Arm("Pooled", steps=225, hub={"accuracy": 0.738, "loss": 1.5}, own=own(0.7)))
    return tuple(found)


def keep_comparison(ledger: Ledger, pooled: bool = True) -> Comparison:
    summary = summarise(ledger)
    comparison = Comparison(summary.run_id, summary.adapter or "", arms(pooled))
    write_comparison(ledger, comparison)
    return comparison
