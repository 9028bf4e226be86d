"""`fedtrain plan FILE`: samples and steps of each participant in each round."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fedtrain.cli.rows import explained, given, places
from fedtrain.cli.rows import option as rows_option
from fedtrain.cli.wrapping import aside, say
from fedtrain.plurals import several

if TYPE_CHECKING:
    from fedtrain.api.reading import Federation
    from fedtrain.preview.run_preview import Part, Preview
    from fedtrain.results.tables import Table

RUN_COLUMNS = ("the run", "rows", "training", "validation", "in slices", "trained", "steps")
MIX_COLUMNS = ("the mix", "share", "training", "validation", "in slices", "samples")
ROUND_COLUMNS = ("each round", "samples", "distinct", "pass", "trained", "steps", "weight")
LEGEND = (
    "slice: the samples that a participant may train on in a round. training, validation: rows of each split. in "
    "slices: how often each training row is in the run's slices. trained: samples that the steps process, with "
    "repeats. steps: optimizer steps. samples: size of the round's slice. distinct: different samples in it. pass: "
    "number of the pass over the participant's data that the slice is from, even if the steps process only a part of "
    "it. weight: share in the mean of the updates."
)
MIX_LEGEND = " share: share of a data set in the samples of each slice."


@click.command()
@click.argument("file", type=click.Path(readable=False, path_type=Path))
@rows_option
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(file: Path, rows: tuple[str, ...], output: str) -> None:
    """Show on how many samples each participant will train in each round of FILE, before anything runs.

    Checks and counts the rows that the policies name, as the trainer does, and computes the partitioning of every
    round with the code of a real run. Errors with which a run would fail follow the tables.
    """
    from fedtrain.api.reading import Invalid
    from fedtrain.cli.missing_format import read_with_format_of_rows
    from fedtrain.cli.policy_errors import judged_by_owners
    from fedtrain.cli.run_of_file import check_has_run_json
    from fedtrain.cli.spent_privacy import spent_lines
    from fedtrain.contracts.as_json import as_json
    from fedtrain.preview.model_facts import base_facts
    from fedtrain.preview.rounds_preview import preflights_of, preview
    from fedtrain.rounds.privacy_forecast import privacy_forecast

    federation = read_with_format_of_rows(file, places(rows))
    check_has_run_json(federation)
    with explained():
        made = preview(federation, given(rows, federation))
    preflights = preflights_of(federation, made)
    judged = judged_by_owners(federation, file, preflights)
    if judged.errors:
        raise Invalid(judged.errors)
    samples = {who: one.samples for who, one in preflights.items()}
    forecast = privacy_forecast(federation.training.spec, base_facts(federation), samples, judged.barred)
    already = spent_lines(federation) if federation.training.spec.privacy is not None else ()
    made = made.model_copy(update={"notes": (*made.notes, *forecast, *judged.warnings, *already)})
    if output == "json":
        click.echo(json.dumps(as_json(made), indent=2))
    else:
        _show(made, has_gpus=_has_gpus(federation))
        for error in made.errors:
            aside(f"error: a run would fail: {error}")
    if made.errors:
        sys.exit(1)


def _has_gpus(federation: "Federation") -> bool:
    """Whether a participant asks for GPUs, or this machine has some."""
    from fedtrain.runner.devices import find_devices

    asked = any(one.compute.gpus_per_node for one in federation.training.spec.participants)
    return asked or bool(find_devices().gpus)


def _show(made: "Preview", *, has_gpus: bool) -> None:
    from fedtrain.results.tables import show

    exhausted = "" if made.strategy == "All" else f", {made.on_exhausted} when a pass ends"
    rounds = several(len(made.rounds), "round")
    say(f"{made.name}: {rounds}, partitioning {made.strategy}{exhausted}", indent=2)
    for line in (*made.facts, *_sizes(made, has_gpus=has_gpus)):
        say(line, indent=2)
    click.echo()
    mix = _datasets(made)
    last = replace(_rounds(made), legend=LEGEND + (MIX_LEGEND if mix else ""))
    show([_participants(made), *mix, last], terminal=sys.stdout.isatty())
    notes = (*_absences(made), *made.notes)
    if notes:
        click.echo()
    for note in notes:
        plain = note.removeprefix("Warning: ")
        say(f"{'note' if plain == note else 'warning'}: {plain}", indent=2)


def _sizes(made: "Preview", *, has_gpus: bool) -> list[str]:
    from fedtrain.results.words import size

    found = made.sizes
    if found is None:
        return []
    transfer = (
        f"transfer: each round a participant receives {size(found.received)} and sends {size(found.sent)}; "
        f"{size(found.moved)} in the whole run, without the headers of files"
    )
    if not has_gpus:
        return [transfer]
    memory, less = size(found.memory), size(found.memory_checkpointed)
    checkpointing = f", or {less} with gradient checkpointing" if less != memory else ""
    rows = several(found.rows, "row")
    return [transfer, f"GPU memory for {rows} at a time: {memory}{checkpointing} (computed, not measured)"]


def _participants(made: "Preview") -> "Table":
    from fedtrain.results.tables import Table

    rows = [
        (
            who.participant,
            *(f"{count:,}" for count in (who.rows, who.training, who.validation)),
            f"{_range(who.uses_min, who.uses_max)}x",
            f"{who.trained:,}",
            f"{who.steps:,}",
        )
        for who in made.participants
    ]
    return Table("", RUN_COLUMNS, tuple(rows))


def _datasets(made: "Preview") -> list["Table"]:
    """The data sets of a mix; no table without one."""
    from fedtrain.api.data import percent
    from fedtrain.results.tables import Table

    rows: list[tuple[str, ...]] = []
    for who in (one for one in made.participants if one.datasets):
        rows.append((who.participant, *("",) * (len(MIX_COLUMNS) - 1)))
        rows += [
            (
                one.name,
                percent(one.share),
                f"{one.training:,}",
                f"{one.validation:,}",
                f"{_range(one.uses_min, one.uses_max)}x",
                f"{one.samples:,}",
            )
            for one in who.datasets
        ]
    return [Table("", MIX_COLUMNS, tuple(rows))] if rows else []


def _rounds(made: "Preview") -> "Table":
    from fedtrain.preview.rounds_preview import grouped
    from fedtrain.results.tables import Table

    rows: list[tuple[str, ...]] = []
    for first, last in grouped(made.rounds):
        rows.append((_span(first.round, last.round), *("",) * (len(ROUND_COLUMNS) - 1)))
        rows += [tuple(_cells(begin, end)) for begin, end in zip(first.parts, last.parts, strict=True)]
    return Table("", ROUND_COLUMNS, tuple(rows))


def _cells(begin: "Part", end: "Part") -> list[str]:
    if begin.first_pass is None or end.last_pass is None:
        return [begin.participant, "sits out", "", "", "", "", ""]
    return [
        begin.participant,
        f"{begin.samples:,}",
        f"{begin.distinct:,}",
        _range(begin.first_pass, end.last_pass),
        f"{begin.trained:,}",
        f"{begin.steps:,}",
        "?" if begin.weight is None else f"{begin.weight:.1%}",
    ]


def _absences(made: "Preview") -> list[str]:
    """One line per participant that sits out rounds, with the reason."""
    absent: dict[tuple[str, str], list[int]] = {}
    for round in made.rounds:
        for part in round.parts:
            if part.reason is not None:
                absent.setdefault((part.participant, part.reason), []).append(round.round)
    return [f"{who} sits out {_span(rounds[0], rounds[-1])}: {why}." for (who, why), rounds in absent.items()]


def _span(first: int, last: int) -> str:
    return f"round {first}" if first == last else f"rounds {first}-{last}"


def _range(first: int, last: int) -> str:
    return f"{first}" if first == last else f"{first}-{last}"
