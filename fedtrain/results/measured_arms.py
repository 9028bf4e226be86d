"""What `fedtrain baseline` has measured of the runs that it added. An arm has no evaluation: its metrics are in the
`telemetry/baseline.json` of the federated run beside it."""

from dataclasses import dataclass

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.contracts.headline_metric import Measure
from fedtrain.contracts.records import Run
from fedtrain.contracts.run_end import End
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.run_spec import spec_of
from fedtrain.ledger.store import StoreError
from fedtrain.results.baseline_tables import headline_measure, own_measure
from fedtrain.results.comparison import Arm, Comparison, read_comparison


@dataclass(frozen=True)
class MeasuredArm:
    """`federated`: the run that the arm is compared with, as commands name it. `start`, `value`: of `measure`, of the
    adapter that the arm started from and of its own. `on`: the participant on whose validation split a personalised
    adapter is measured; None for the data of the comparison's headline."""

    federated: str
    measure: Measure
    start: float | None
    value: float | None
    on: str | None = None


def measured_arms(ledger: Ledger) -> dict[str, MeasuredArm]:
    """Return the arms of the comparison that this run has, by URL; none for a run that cannot be read."""
    try:
        return _of(ledger)
    except (StoreError, ValueError):  # shown where the run itself is
        return {}


def possible_federated(ledger: Ledger) -> list[Ledger]:
    """Return the runs that this one can be an arm of, by its name: `q-alone` and `q` for `q-alone-zoo`."""
    parts = ledger.name.split("-")
    return [Ledger(ledger.store, ledger.namespace, "-".join(parts[:end])) for end in range(len(parts) - 1, 0, -1)]


def _of(ledger: Ledger) -> dict[str, MeasuredArm]:
    run = ledger.read(names.RUN, Run)
    end = ledger.read(names.END, End) if run else None
    comparison = read_comparison(ledger, end.run_id, end.adapter) if end else None
    if run is None or comparison is None:
        return {}
    spec = spec_of(ledger, run)
    return {
        f"{ledger.store.url}/{arm.run}": _measured(ledger, spec, comparison, arm)
        for arm in comparison.arms
        if arm.kind in ("Alone", "Personalised", "Pooled")
    }


def _measured(ledger: Ledger, spec: FederatedTrainingSpec, comparison: Comparison, arm: Arm) -> MeasuredArm:
    start = comparison.arm("Federated" if arm.kind == "Personalised" else "Base")
    if arm.kind == "Personalised":
        measure, who = own_measure(spec), arm.participant
        before, after = (one.own.get(who or "", {}).get(measure.name) if one else None for one in (start, arm))
        return MeasuredArm(ledger.address, measure, before, after, who)
    measure = headline_measure(spec)
    return MeasuredArm(ledger.address, measure, start.value(measure) if start else None, arm.value(measure))
