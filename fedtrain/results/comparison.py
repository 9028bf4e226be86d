"""Comparison of the federated run with training alone and on pooled data: `telemetry/baseline.json` of the run."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from fedtrain.contracts.as_json import as_json
from fedtrain.contracts.headline_metric import Measure
from fedtrain.ledger.ledger import Ledger
from fedtrain.results.telemetry import number, read_json

NAME = "baseline.json"
Kind = Literal["Base", "Alone", "Federated", "Personalised", "Pooled"]


def arm_label(kind: Kind, participant: str | None) -> str:
    """`zoo alone`, `zoo personalised`, `federated`."""
    return f"{participant} {kind.lower()}" if participant else kind.lower()


@dataclass(frozen=True)
class Arm:
    """One adapter and its metrics. `hub`: on the hub's held-out data; `own`: by participant, on its validation split.
    `steps`: optimizer steps, summed over all participants that trained it. A personalised adapter stays with its
    participant, so it is only measured on that participant's split."""

    kind: Kind
    participant: str | None = None
    run: str = ""
    adapter: str = ""
    steps: int = 0
    hub: Mapping[str, float] = field(default_factory=dict[str, float])
    own: Mapping[str, Mapping[str, float]] = field(default_factory=dict[str, Mapping[str, float]])

    @property
    def label(self) -> str:
        return arm_label(self.kind, self.participant)

    def value(self, measure: Measure) -> float | None:
        """Return the metric at the hub; without a hub, its mean over the validation splits."""
        if self.hub:
            return self.hub.get(measure.name)
        values = [metrics[measure.name] for metrics in self.own.values() if measure.name in metrics]
        return sum(values) / len(values) if values else None


@dataclass(frozen=True)
class Comparison:
    """`adapter`: digest of the federated adapter. It tells whether the comparison is of the newest round."""

    run_id: str
    adapter: str
    arms: tuple[Arm, ...]

    def arm(self, kind: Kind) -> Arm | None:
        """Return the first arm of this kind."""
        return next((arm for arm in self.arms if arm.kind == kind), None)

    @property
    def alone(self) -> tuple[Arm, ...]:
        return tuple(arm for arm in self.arms if arm.kind == "Alone")

    def best_alone(self, measure: Measure) -> Arm | None:
        """Return the best of the participants that trained alone."""
        measured = [(value, arm) for arm in self.alone if (value := arm.value(measure)) is not None]
        if not measured:
            return None
        best = max if measure.share else min
        return best(measured, key=lambda found: found[0])[1]

    def times_best_alone(self, measure: Measure) -> float | None:
        """Return the factor by which the federated adapter is better than the best participant alone."""
        federated, best = self.arm("Federated"), self.best_alone(measure)
        if federated is None or best is None:
            return None
        ours, theirs = federated.value(measure), best.value(measure)
        return None if ours is None or theirs is None else measure.times(ours, theirs)

    def beats_best_alone(self, measure: Measure) -> bool | None:
        """Return whether the federated adapter is better than the best participant alone; None if they read the
        same, or one was not measured."""
        federated, best = self.arm("Federated"), self.best_alone(measure)
        ours, theirs = (None if arm is None else arm.value(measure) for arm in (federated, best))
        if ours is None or theirs is None or measure.text(ours) == measure.text(theirs):
            return None
        return measure.better(ours, theirs)

    def share_of_pooled_gain(self, measure: Measure) -> float | None:
        """Return the gain of federated training over the base, as a share of the gain of pooled training; None if one
        of them gains nothing."""
        arms = (self.arm("Base"), self.arm("Federated"), self.arm("Pooled"))
        base, federated, pooled = (None if arm is None else arm.value(measure) for arm in arms)
        if base is None or federated is None or pooled is None:
            return None
        if not measure.better(pooled, base) or not measure.better(federated, base):
            return None
        return (federated - base) / (pooled - base)


def write_comparison(ledger: Ledger, comparison: Comparison) -> None:
    ledger.put_telemetry(NAME, json.dumps(as_json(comparison), indent=1).encode())


def read_comparison(ledger: Ledger, run_id: str, adapter: str | None) -> Comparison | None:
    """Return the comparison of this run's newest adapter, if it exists. Raises StoreError."""
    plain = read_json(ledger, NAME)
    if plain.get("runId") != run_id or plain.get("adapter") != adapter or adapter is None:
        return None
    entries = plain.get("arms")
    listed = cast(list[Any], entries) if isinstance(entries, list) else []
    arms = [_arm(cast(dict[str, Any], entry)) for entry in listed if isinstance(entry, dict)]
    return Comparison(run_id, adapter, tuple(arm for arm in arms if arm is not None))


def _arm(plain: dict[str, Any]) -> Arm | None:
    if plain.get("kind") not in get_args(Kind):
        return None
    own = cast(dict[str, Any], plain.get("own") or {})
    return Arm(
        kind=plain["kind"],
        participant=plain.get("participant"),
        run=str(plain.get("run", "")),
        adapter=str(plain.get("adapter", "")),
        steps=int(number(plain.get("steps")) or 0),
        hub=_metrics(plain.get("hub")),
        own={who: _metrics(metrics) for who, metrics in own.items()},
    )


def _metrics(plain: object) -> dict[str, float]:
    entries = cast(dict[str, object], plain).items() if isinstance(plain, dict) else ()
    return {name: value for name, entry in entries if (value := number(entry)) is not None}
