"""The comparison as a table and as a sentence."""

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts.headline_metric import Measure, headline, hub_measures, own_measures
from fedtrain.results.chance import best_alone_note
from fedtrain.results.comparison import Arm, Comparison
from fedtrain.results.start_of_run import start_label, start_text
from fedtrain.results.tables import Table, legend
from fedtrain.results.words import count

_STEPS = "summed over the participants; each trains as many alone as in the federated run"


def headline_measure(spec: FederatedTrainingSpec) -> Measure:
    """Return the headline metric: the hub's, or else the participants', or else the loss."""
    return headline(hub_measures(spec)) or headline(own_measures(spec)) or Measure("loss", share=False)


def own_measure(spec: FederatedTrainingSpec) -> Measure:
    """Return the metric for the columns of the validation splits."""
    return headline(own_measures(spec)) or headline(hub_measures(spec)) or Measure("loss", share=False)


def comparison_table(comparison: Comparison, spec: FederatedTrainingSpec) -> Table:
    """Return one row per adapter; columns are the hub's metrics and one metric per participant's validation split."""
    hub, own = hub_measures(spec), own_measure(spec)
    who = [name for participant in spec.participants if (name := participant.name) in _measured(comparison)]
    head = (
        "adapter",
        "steps",
        *(f"hub {measure.name}" for measure in hub),
        *(f"{name} {own.name}" for name in who),
    )
    rows = tuple(
        (
            start_label(spec) if arm.kind == "Base" else arm.label,
            count(arm.steps),
            *(measure.text(arm.hub.get(measure.name)) for measure in hub),
            *(own.text(arm.own.get(name, {}).get(own.name)) for name in who),
        )
        for arm in comparison.arms
    )
    title = "each adapter, measured on the hub's data and on each participant's validation split"
    return Table(title, head, rows, legend=legend({"steps": _STEPS}))


def personal_tables(comparison: Comparison, spec: FederatedTrainingSpec) -> list[Table]:
    """Return `personal_table` of each metric that participants measure, the headline first."""
    first = own_measure(spec)
    measures = (first, *(one for one in own_measures(spec) or hub_measures(spec) if one != first))
    found = (personal_table(comparison, spec, measure) for measure in measures)
    return [table for table in found if table is not None]


def personal_table(comparison: Comparison, spec: FederatedTrainingSpec, measure: Measure | None = None) -> Table | None:
    """Return one row per participant, with the metric (default: the headline) on its own validation split; None without
    personalised adapters."""
    personal = {arm.participant: arm for arm in comparison.arms if arm.kind == "Personalised"}
    if not personal:
        return None
    own = measure or own_measure(spec)
    alone = {arm.participant: arm for arm in comparison.alone}
    base, federated = comparison.arm("Base"), comparison.arm("Federated")

    def text(arm: Arm | None, who: str) -> str:
        return own.text(arm.own.get(who, {}).get(own.name) if arm else None)

    rows = tuple(
        (who, text(base, who), text(alone.get(who), who), text(federated, who), text(personal[who], who))
        for participant in spec.participants
        if (who := participant.name) in personal
    )
    title = f"{own.name} on each participant's own validation split ({own.direction})"
    return Table(title, ("participant", start_label(spec), "alone", "federated", "personalised"), rows)


def headline_text(comparison: Comparison, spec: FederatedTrainingSpec, rows: int | None = None) -> str:
    """`federated beats the best participant alone (zoo) by x1.19 on accuracy: 67.1% to 56.5%`, and whether the hub's
    other metrics disagree. `rows`: the hub's held-out rows, if the hub measures."""
    measure = headline_measure(spec)
    federated = comparison.arm("Federated")
    best = comparison.best_alone(measure)
    if federated is None or best is None:
        return "no metric was measured for both the federated run and a participant alone"
    start = start_text(spec).removesuffix(" model")
    text = _beats(comparison, measure, federated, best, start, rows)
    others = (_disagreement(comparison, measure, other) for other in hub_measures(spec) if other != measure)
    return text + "".join(others)


def _disagreement(comparison: Comparison, measure: Measure, other: Measure) -> str:
    """Return that `other` has another winner than `measure`; empty if it has the same."""
    won = comparison.beats_best_alone(measure)
    federated, best = comparison.arm("Federated"), comparison.best_alone(other)
    if won is None or comparison.beats_best_alone(other) in (None, won) or federated is None or best is None:
        return ""
    values = f"{other.text(federated.value(other))} to {other.text(best.value(other))} ({best.participant})"
    return f"; on {other.name} it {'does not' if won else 'does'}: {values}"


def _beats(comparison: Comparison, measure: Measure, federated: Arm, best: Arm, start: str, rows: int | None) -> str:
    ours, theirs = federated.value(measure), best.value(measure)
    times = comparison.times_best_alone(measure)
    if ours is None or theirs is None:
        return f"{measure.name} was not measured for both"
    if measure.text(ours) == measure.text(theirs):
        who = f"the best participant alone ({best.participant})"
        return f"federated equals {who} on {measure.name}: both {measure.text(ours)}"
    note = best_alone_note(comparison, measure, rows)
    values = f"{measure.text(ours)} to {measure.text(theirs)}{f' ({note})' if note else ''}"
    if not measure.better(ours, theirs):
        return f"federated does not beat the best participant alone ({best.participant}) on {measure.name}: {values}"
    factor = f" by x{times:.2f}" if times is not None else ""
    text = f"federated beats the best participant alone ({best.participant}){factor} on {measure.name}: {values}"
    share = comparison.share_of_pooled_gain(measure)
    gain = f"; it keeps {share:.0%} of what pooling all data gains over the {start}" if share is not None else ""
    return text + gain


def _measured(comparison: Comparison) -> set[str]:
    return {who for arm in comparison.arms for who in arm.own}
