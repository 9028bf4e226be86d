"""The report's sections, in the page's order. A section that has nothing to say is empty."""

import json
import shlex
from urllib.parse import urlsplit
from urllib.request import url2pathname

from fedtrain.results.as_json import as_json
from fedtrain.results.baseline_tables import comparison_table, own_measure
from fedtrain.results.charts.time_and_bytes import bytes_of
from fedtrain.results.comparison import Comparison
from fedtrain.results.curve import curve, sentence
from fedtrain.results.metrics import headline, hub_measures
from fedtrain.results.report import figures
from fedtrain.results.report.pieces import Safe, facts, grid, join, section, table, tag
from fedtrain.results.run_summary import RunSummary
from fedtrain.results.status import participants_table, rounds_table
from fedtrain.results.tables import Table
from fedtrain.results.time_use import PHASES, time_use
from fedtrain.results.words import count, duration, several, size


def head(summary: RunSummary, comparison: Comparison | None) -> Safe:
    """What came out, in a sentence and in a few large numbers."""
    alarm = tag("p", f"This run failed. {summary.message}", "alarm") if summary.phase == "Failed" else Safe("")
    kicker = f"federated fine-tuning · {summary.namespace} · {summary.phase}"
    return Safe(
        "<header>"
        + tag("p", kicker, "kicker").text
        + tag("h1", summary.name).text
        + tag("p", sentence(summary, comparison), "headline").text
        + alarm.text
        + _tiles(summary, comparison)
        + "</header>"
    )


def _tiles(summary: RunSummary, comparison: Comparison | None) -> str:
    shown = curve(summary)
    moved = [sum(bytes_of(round, summary.adapter_bytes)) for round in summary.rounds]
    walls = [round.wall_seconds for round in summary.rounds if round.wall_seconds is not None]
    tiles = [(f"{summary.rounds_done} of {summary.rounds_of}", "rounds")]
    if shown is not None:
        tiles.insert(0, (shown.measure.text(shown.last), shown.measure.name))
        times = comparison.times_best_alone(shown.measure) if comparison else None
        tiles += [(f"×{times:.2f}", "the best alone")] if times is not None else []
    tiles.append((str(len(summary.spec.participants)), "participants"))
    if walls:
        tiles.append((duration(sum(walls)), "wall time"))
    if sum(moved):
        tiles.append((size(sum(moved)), "exchanged"))
    body = "".join(f'<div class="tile">{tag("b", value).text}{tag("span", name).text}</div>' for value, name in tiles)
    return f'<div class="tiles">{body}</div>'


def metric(summary: RunSummary, comparison: Comparison | None) -> Safe:
    shown = curve(summary)
    if shown is None:
        return Safe("")
    about = f"The global adapter, measured on {shown.where} ({shown.measure.direction}). Round 0 is the base model."
    if comparison is not None:
        about += " The other lines are adapters of as many steps, trained without federating."
    return section("What the rounds brought", about, figures.metric_figure(shown, comparison, _who(summary)))


def gained(summary: RunSummary, comparison: Comparison | None) -> Safe:
    if comparison is None:
        return section(
            "What federating bought",
            "Not compared yet. `fedtrain baseline` trains each participant alone and all data pooled, with as many "
            "steps, and measures them beside this run.",
            Safe(" "),
        )
    hub, own = headline(hub_measures(summary.spec)), own_measure(summary.spec)
    return section(
        "What federating bought",
        "From each participant's adapter trained alone, with its own steps on its own data, to the federated one.",
        grid(figures.gain_figures(comparison, hub, own, _who(summary))),
        table(comparison_table(comparison, summary.spec), colour=False),
    )


def losses(summary: RunSummary) -> Safe:
    about = "As the participants told it with their updates."
    return section("Loss by participant", about, grid(figures.loss_figures(summary)))


def time_and_bytes(summary: RunSummary) -> Safe:
    used = time_use(summary)
    drawn = [figures.time_figure(used)] if used else []
    if any(round.participants for round in summary.rounds):
        drawn.append(figures.bytes_figure(summary))
    totals = {phase: sum(use.seconds[phase] for use in used) for phase in PHASES}
    whole = sum(totals.values())
    about = "Telemetry of this machine; it is no part of what the ledger proves."
    if whole:
        shares = [f"{phase} {totals[phase] / whole:.0%}" for phase in PHASES if totals[phase] / whole >= 0.005]
        about = f"Of all worker-seconds: {', '.join(shares)}. {about}"
    return section("Where time and bytes went", about, grid(drawn))


def rounds(summary: RunSummary) -> Safe:
    everything = rounds_table(summary, shown=len(summary.rounds))
    newest = next((round for round in reversed(summary.rounds) if round.participants), None)
    parts = [table(everything)]
    if newest is not None:
        parts += [tag("h3", f"Participants in round {newest.number}"), table(participants_table(summary, newest))]
    return section("Rounds", "", *parts)


def incidents(summary: RunSummary) -> Safe:
    """Everything that did not go as planned, with its reason."""
    rows: list[tuple[str, str, str, str]] = []
    for round in summary.rounds:
        for one in round.participants:
            rows += [(str(round.number), one.participant, "Retried", why) for why in one.retried]
            if one.state in ("Quarantined", "Absent"):
                rows.append((str(round.number), one.participant, one.state, one.reason))
        planned = {one.participant for one in round.participants}
        rows += [
            (str(round.number), absent.participant, "Absent", absent.reason)
            for absent in round.absent
            if absent.participant not in planned
        ]
    rows += [(str(one.round), "–", "Failed", f"{one.reason}: {one.message}") for one in summary.failures]
    if not rows:
        text = "Nothing: every planned participant's update counted, at the first attempt."
        return section("What went wrong", text, Safe(" "))
    drawn = Table("", ("round", "participant", "what", "why"), tuple(rows), left=4)
    return section("What went wrong", "The rounds went on without these, or with a new attempt.", table(drawn))


def configuration(summary: RunSummary) -> Safe:
    spec, model = summary.spec, summary.spec.model
    data = Table(
        "",
        ("participant", "training rows", "validation rows"),
        tuple((one.participant, count(one.samples), count(one.validation_samples)) for one in summary.data),
    )
    parameters = (
        [("parameters", f"{summary.facts.base_parameters:,} in the base, {summary.facts.adapter_parameters:,} trained")]
        if summary.facts
        else []
    )
    length = spec.training.length
    amount = f"{length.epochs:g} epochs" if length.epochs else several(length.steps or 0, "step")
    pairs = [
        ("base model", model.base + (f" @ {model.revision}" if model.revision else "")),
        ("adapter", f"LoRA of rank {model.adapter.rank}, alpha {model.adapter.alpha:g}"),
        *parameters,
        ("local training", f"{amount} a round, batches of {spec.training.batch_size}, {spec.training.optimizer}"),
        ("learning rate", f"{spec.training.learning_rate:g}, {spec.training.schedule} over all rounds"),
        ("aggregation", f"{spec.aggregation.strategy}, weights {spec.aggregation.weights}"),
        ("partitioning", spec.partitioning.strategy),
        ("seed", str(spec.training.seed)),
    ]
    plain = json.dumps(as_json(spec), indent=2)
    whole = Safe(f"<details><summary>The whole specification</summary>{tag('pre', plain).text}</details>")
    return section("Configuration", "", facts(pairs), table(data) if summary.data else Safe(""), whole)


def verifying(summary: RunSummary) -> Safe:
    def code(text: str | None) -> Safe:
        return tag("code", text or "–")

    pairs = [
        ("run", code(f"{summary.namespace}/{summary.name} {summary.run_id}")),
        ("ledger", code(summary.url)),
        ("adapter", code(summary.adapter)),
        ("newest manifest", code(summary.head)),
    ]
    url = summary.url
    place = shlex.quote(url2pathname(urlsplit(url).path) if url.startswith("file:") else url)
    folder = f"{summary.name}-adapter"
    commands = (
        f"fedtrain ledger verify {place}\nfedtrain export {place} --out {folder}\n"
        f"b3sum {folder}/adapter_model.safetensors"
    )
    about = (
        "The newest manifest's digest stands for the whole history: each manifest names the digest of the one before, "
        "and of everything its round was made from. Keep it elsewhere, and nobody can change the past unseen."
    )
    return section("Digests, and how to verify them", about, facts(pairs), tag("pre", commands))


def all_sections(summary: RunSummary, comparison: Comparison | None) -> Safe:
    return join(
        [
            head(summary, comparison),
            metric(summary, comparison),
            gained(summary, comparison),
            losses(summary),
            time_and_bytes(summary),
            rounds(summary),
            incidents(summary),
            configuration(summary),
            verifying(summary),
        ]
    )


def _who(summary: RunSummary) -> list[str]:
    return [participant.name for participant in summary.spec.participants]
