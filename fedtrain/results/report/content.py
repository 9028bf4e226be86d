"""The values that the report's template shows, in the page's order. The words are in `report.html.jinja`.

The report is passed on: `summary` is a public one, and places of the specification are shortened here.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from fedtrain.api.places import scheme
from fedtrain.contracts.as_json import as_json
from fedtrain.contracts.headline_metric import headline, hub_measures
from fedtrain.plurals import several
from fedtrain.quoting import quoted
from fedtrain.results.base_identity import base_identity
from fedtrain.results.baseline_tables import comparison_table, own_measure, personal_table
from fedtrain.results.chance import best_alone_note, labels_note, rows_of
from fedtrain.results.charts.time_and_bytes import bytes_of
from fedtrain.results.comparison import Comparison
from fedtrain.results.curve import Curve, curve, measured_after, sentence
from fedtrain.results.held_out_rows import metric_warning
from fedtrain.results.mix_table import mix_table
from fedtrain.results.privacy_facts import privacy_about, privacy_facts
from fedtrain.results.public_text import public_place, public_values
from fedtrain.results.report import figures
from fedtrain.results.report.telemetry import ReportTelemetry
from fedtrain.results.run_summary import RunSummary
from fedtrain.results.start_of_run import start_label, start_text
from fedtrain.results.status import participants_table, rounds_table
from fedtrain.results.tables import Table
from fedtrain.results.time_use import PHASES, TimeUse, time_use
from fedtrain.results.words import count, duration, size
from fedtrain.results.words import sentence as as_sentence

_OF_UPDATES = {"Retried", "Absent", "Quarantined"}
"""Incidents of single updates."""
SMALLEST_SHARE = 0.005
"""Phases with less of the time are left out of the sentence about time."""


def content(summary: RunSummary, comparison: Comparison | None, telemetry: ReportTelemetry) -> dict[str, Any]:
    """Return the template's variables."""
    shown = curve(summary)
    used = time_use(summary)
    who = [participant.name for participant in summary.spec.participants]
    newest = next((round for round in reversed(summary.rounds) if round.participants), None)
    return {
        "summary": summary,
        "headline": sentence(summary, comparison),
        "tiles": tiles(summary, shown, comparison),
        "metric_charts": figures.metric_figures(shown, comparison, who) if shown else [],
        "labels": as_sentence(labels_note(summary)),
        "warning": as_sentence(metric_warning(summary)),
        "start_text": start_text(summary.spec),
        "start_label": start_label(summary.spec),
        "metric_source": shown.where if shown else "",
        "metric_direction": shown.measure.direction if shown else "",
        "comparison": comparison_table(comparison, summary.spec) if comparison else None,
        "personal": personal_table(comparison, summary.spec) if comparison else None,
        "gain_charts": _gain_charts(summary, comparison, who) if comparison else [],
        "dates": _dates(telemetry),
        "legend": figures.legend(who),
        "loss_charts": figures.loss_figures(summary, telemetry.losses),
        "privacy": privacy_about(summary, "report") or as_sentence(summary.privacy.text if summary.privacy else ""),
        "privacy_facts": privacy_facts(summary),
        "privacy_charts": figures.privacy_figures(summary),
        "usage_charts": _usage_charts(summary, used),
        "time_shares": _time_shares(used),
        "rounds": rounds_table(summary, shown=len(summary.rounds)),
        "newest": newest,
        "newest_participants": participants_table(summary, newest) if newest else None,
        "incidents": (incidents := _incidents(summary)),
        "incidents_about": _about(incidents),
        "configuration": [*_configuration(summary), *_versions(telemetry)],
        "data": _data(summary),
        "specification": json.dumps(public_values(as_json(summary.spec)), indent=2),
        "digests": [
            ("run", f"{summary.namespace}/{summary.name} {summary.run_id}"),
            ("ledger", summary.url),
            ("adapter", summary.adapter),
            ("newest manifest", summary.head),
        ],
        "verify_commands": _verify_commands(summary),
        "run_folder": "" if scheme(summary.url) == "s3" else summary.url.partition("/")[0],
    }


def tiles(summary: RunSummary, shown: Curve | None, comparison: Comparison | None) -> list[tuple[str, str]]:
    """(value, name) of the large numbers at the top."""
    moved = [sum(bytes_of(round, summary.adapter_bytes)) for round in summary.rounds]
    found = [(f"{summary.rounds_done} of {summary.rounds_of}", "rounds")]
    if shown is not None:
        round = measured_after(summary, shown)
        name = shown.measure.name if round is None else f"{shown.measure.name} after round {round}"
        found.insert(0, (shown.measure.text(shown.last), name))
        times = comparison.times_best_alone(shown.measure) if comparison else None
        chance = best_alone_note(comparison, shown.measure, rows_of(summary)) if comparison else ""
        beside = f"the best alone{', may be chance' if chance else ''}"
        found += [(f"×{times:.2f}", beside)] if times is not None else []
    found.append((str(len(summary.spec.participants)), "participants"))
    if summary.wall_seconds is not None:
        found.append((duration(summary.wall_seconds), "wall time"))
    if sum(moved):
        found.append((size(sum(moved)), "exchanged"))
    return found


def _gain_charts(summary: RunSummary, comparison: Comparison, who: list[str]) -> list[figures.Figure]:
    return figures.gain_figures(comparison, headline(hub_measures(summary.spec)), own_measure(summary.spec), who)


def _usage_charts(summary: RunSummary, used: list[TimeUse]) -> list[figures.Figure]:
    charts = [figures.time_figure(used)] if used else []
    if any(round.participants for round in summary.rounds):
        charts.append(figures.bytes_figure(summary))
    return charts


def _time_shares(used: list[TimeUse]) -> list[str]:
    """`training 49%` for each phase that has a share worth showing."""
    totals = {phase: sum(use.seconds[phase] for use in used) for phase in PHASES}
    whole = sum(totals.values())
    if not whole:
        return []
    return [f"{phase} {totals[phase] / whole:.0%}" for phase in PHASES if totals[phase] / whole >= SMALLEST_SHARE]


def _incidents(summary: RunSummary) -> Table:
    """Retries, missing and quarantined updates, and failures, each with its reason."""
    rows: list[tuple[str, ...]] = []
    for round in summary.rounds:
        number = str(round.number)
        if round.reason:
            rows.append((number, "–", round.outcome, round.reason))
        for one in round.participants:
            rows += [(number, one.participant, "Retried", why) for why in one.retried]
            if one.state in ("Quarantined", "Absent"):
                rows.append((number, one.participant, one.state, one.reason))
        planned = {one.participant for one in round.participants}
        missing = (absent for absent in round.absent if absent.participant not in planned)
        rows += [(number, absent.participant, "Absent", absent.reason) for absent in missing]
    rows += [(str(one.round), "–", "Failed", f"{one.reason}: {one.message}") for one in summary.failures]
    return Table("", ("round", "participant", "event", "reason"), tuple(rows), left=4)


def _about(incidents: Table) -> str:
    """What the incidents meant for the run."""
    events = {row[2] for row in incidents.rows}
    texts = [
        "The rounds continued without these updates, or with a new attempt." if events & _OF_UPDATES else "",
        "A round that was rolled back ended with the adapter of the round before it." if "RolledBack" in events else "",
    ]
    return " ".join(text for text in texts if text)


def _configuration(summary: RunSummary) -> list[tuple[str, str]]:
    spec, model = summary.spec, summary.spec.model
    length = spec.training.length
    amount = several(length.epochs, "epoch") if length.epochs else several(length.steps or 0, "step")
    pairs = [
        ("base model", public_place(model.base) + (f" @ {model.revision}" if model.revision else "")),
        *([("fingerprint of the base model", base)] if (base := base_identity(summary.base_fingerprint)) else []),
        ("adapter", f"LoRA of rank {model.adapter.rank}, alpha {model.adapter.alpha:g}"),
    ]
    if (initial := model.adapter.initial_from) is not None:
        pairs.append(("initial adapter", f"{public_place(initial.uri)}, {initial.digest}"))
    if facts := summary.facts:
        trained = f"{facts.base_parameters:,} in the base, {facts.adapter_parameters:,} trained"
        pairs.append(("parameters", trained))
    return [
        *pairs,
        ("local training", f"{amount} per round, batches of {spec.training.batch_size}, {spec.training.optimizer}"),
        ("learning rate", f"{spec.training.learning_rate:g}, {spec.training.schedule} over all rounds"),
        ("aggregation", f"{spec.aggregation.strategy}, weights {spec.aggregation.weights}"),
        ("partitioning", spec.partitioning.strategy),
        *([("date in the chat template", summary.template_date)] if summary.template_date else []),
        ("seed", str(spec.training.seed)),
    ]


def _dates(telemetry: ReportTelemetry) -> str:
    """`2026-11-28`, or the first and the last day; in UTC, by the store's clock."""
    times = [time for time in (telemetry.began, telemetry.recorded) if time is not None]
    days = [datetime.fromtimestamp(time, UTC).date().isoformat() for time in times]
    return " to ".join(dict.fromkeys(days))


def _versions(telemetry: ReportTelemetry) -> list[tuple[str, str]]:
    words = (f"{name} {' and '.join(found)}" for name, found in telemetry.versions.items())
    return [("trainers", ", ".join(words))] if telemetry.versions else []


def _data(summary: RunSummary) -> Table:
    if (mix := mix_table(summary)) is not None:
        return replace(mix, title="")
    rows = tuple((one.participant, count(one.samples), count(one.validation_samples)) for one in summary.data)
    return Table("", ("participant", "training rows", "validation rows"), rows)


def _verify_commands(summary: RunSummary) -> str:
    place = quoted(summary.url)
    folder = f"{summary.name}-adapter"
    return (
        f"fedtrain ledger verify {place}\nfedtrain export {place} --out {folder}\n"
        f"b3sum {folder}/adapter_model.safetensors"
    )
