"""`fedtrain validate FILE`: show all errors of a file, for one machine or for a cluster."""

import json
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fedtrain.cli.wrapping import aside, say
from fedtrain.plurals import several
from fedtrain.quoting import quoted

if TYPE_CHECKING:
    from fedtrain.api.reading import Federation
    from fedtrain.api.reading.errors import FieldError
    from fedtrain.cli.validation import Validation
    from fedtrain.contracts.untrusted_records import Preflight
    from fedtrain.preview.check import Checked
    from fedtrain.preview.rounds_below_minimum import Played


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(readable=False, path_type=Path))
@click.option("--cluster", is_flag=True, help="Apply the rules of a cluster; policies may be elsewhere.")
@click.option(
    "--rows",
    default="1000",
    show_default=True,
    metavar="N|all",
    help="Rows of each data set to check: the first ones of each file, or all.",
)
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="Output format.")
def command(files: tuple[Path, ...], cluster: bool, rows: str, output: str) -> None:
    """Check FILE and show all errors: the place, the value and the fix.

    Checks the file, rows of the data (format, encoding, empty answers, repeated rows) and a base model on this machine
    (settings, tokenizer, chat template, weights' headers, target modules). Nothing is downloaded or trained. Exits with
    1 if there are errors.

    Without a FederatedTraining, FILE may have only ParticipantPolicies and Participants: they are checked alone.

    With --cluster, paths are paths in the pods and are not checked here. The ParticipantPolicies in the files judge the
    training, as their participants would. Policies and Participants that are not in the files are expected on the
    cluster. Objects of other kinds are ignored.
    """
    from fedtrain.api.reading import Invalid
    from fedtrain.cli.missing_format import read_with_format_of_rows
    from fedtrain.cli.on_cluster import read_for_cluster
    from fedtrain.cli.policy_errors import judged_by_owners, waits_on_the_cluster
    from fedtrain.cli.run_of_file import warnings_of_run
    from fedtrain.cli.validation import Validation, found_error

    file, *more = files
    limit = _limit(rows)
    if more and not cluster:
        raise click.UsageError(
            f"{several(len(files), 'file')} are given, but a run on this machine reads one. Put all documents into one "
            "file, with a line `---` between them; or add --cluster if the training runs on a cluster."
        )
    try:
        federation = read_for_cluster(files) if cluster else read_with_format_of_rows(file)
        found = None if cluster else _check(federation, limit)
        counted = None if cluster else _counted(federation)
        rounds = _played(federation, counted)
        judged = None if cluster else judged_by_owners(federation, file, counted)
        if (
            found is not None
            and judged is not None
            and (errors := [*found.errors, *judged.errors, *_not_trained(federation, rounds)])
        ):
            raise Invalid(errors)
    except Invalid as invalid:
        if invalid.alone and not (invalid := invalid.of_documents_alone(cluster=cluster)).errors:
            _show_alone(invalid.alone, files, cluster=cluster, output=output)
            return
        if output == "text":
            raise invalid from None
        _print(Validation(False, tuple(found_error(error) for error in invalid.errors)))
        sys.exit(1)
    warnings, facts = (found.warnings, found.facts) if found is not None else (_setting_warnings(federation), ())
    if judged is None:
        warnings = (*warnings, *waits_on_the_cluster(federation))
    else:
        warnings = (
            *warnings,
            *_below_minimum(federation, rounds),
            *judged.warnings,
            *_without_effect(federation),
            *warnings_of_run(federation),
        )
    counts = {who: one.samples for who, one in counted.items()} if counted is not None else None
    name, spec = federation.training.metadata.name, federation.training.spec
    who, rounds, strategy = [p.name for p in spec.participants], spec.rounds.count, spec.aggregation.strategy
    privacy = (
        _privacy(federation, counts, judged.barred if judged is not None else ()) if spec.privacy is not None else None
    )
    validation = Validation(True, (), warnings, facts, name, tuple(who), rounds, strategy, privacy)
    if output == "json":
        _print(validation)
    else:
        _show(validation, file, federation, cluster=cluster)


def _show_alone(documents: tuple[str, ...], files: tuple[Path, ...], *, cluster: bool, output: str) -> None:
    from fedtrain.cli.validation import Validation
    from fedtrain.listing import listed

    together = f"`fedtrain validate federation.yaml {' '.join(map(quoted, files))} --cluster`"
    how = f"name its file first: {together}" if cluster else "put these documents into its file"
    fact = f"not checked: a training with them. To check one, {how}"
    if output == "json":
        _print(Validation(True, facts=(fact,)))
        return
    names = listed([str(file) for file in files])
    say(f"{names} {'is' if len(files) == 1 else 'are'} valid{' on a cluster' if cluster else ''}: {listed(documents)}.")
    say(fact, indent=2)


def _show(found: "Validation", file: Path, federation: "Federation", *, cluster: bool) -> None:
    name, spec = federation.training.metadata.name, federation.training.spec
    who, rounds = [p.name for p in spec.participants], several(spec.rounds.count, "round")
    participants = f"{several(len(who), 'participant')} ({_some(who)})"
    where = " on a cluster" if cluster else ""
    say(f"{file} is valid{where}: {name}, {participants}, {rounds}, {spec.aggregation.strategy}.")
    for fact in found.facts:
        say(fact, indent=2)
    for warning in found.warnings:
        aside(f"warning: {warning}")
    for line in found.privacy or ():
        say(line, indent=2)
    if cluster:
        for kind, known in (("Participant", federation.records), ("ParticipantPolicy", federation.policies)):
            if others := [one for one in who if one not in known]:
                aside(f"note: no file has the {kind} of {_some(others)}; the cluster must have it")


def _print(found: "Validation") -> None:
    from fedtrain.contracts.as_json import as_json

    click.echo(json.dumps(as_json(found), indent=2, ensure_ascii=False))


def _check(federation: "Federation", limit: int | None) -> "Checked":
    from fedtrain.preview.check import check

    return check(federation, limit)


def _setting_warnings(federation: "Federation") -> tuple[str, ...]:
    """Warnings about the file itself: with --cluster, rows are elsewhere."""
    from fedtrain.preview.settings_without_effect import settings_without_effect
    from fedtrain.preview.unit_warnings import unit_warnings

    spec = federation.training.spec
    return (*unit_warnings(spec, {}), *settings_without_effect(spec))


def _limit(rows: str) -> int | None:
    """Return the number of rows from the option; None for all."""
    if rows == "all":
        return None
    if not rows.isdecimal() or int(rows) < 1:
        raise click.UsageError(f"--rows {rows}: use a number, such as `--rows 1000`, or `--rows all`.")
    return int(rows)


def _counted(federation: "Federation") -> "Mapping[str, Preflight] | None":
    """The rows of each participant, if policies, `unit: Example` or the number of rounds depend on them; None if they
    are not on this machine."""
    from fedtrain.cli.policy_errors import counted_for_policies
    from fedtrain.preview.rounds_below_minimum import data_can_run_out

    spec = federation.training.spec
    if spec.example_privacy is None and not data_can_run_out(spec):
        return counted_for_policies(federation)
    from fedtrain.preview.rounds_preview import preflights_of_data

    return preflights_of_data(federation)


def _played(federation: "Federation", counted: "Mapping[str, Preflight] | None") -> "Played | None":
    from fedtrain.preview.rounds_below_minimum import played

    return played(federation.training.spec, counted) if counted is not None else None


def _not_trained(federation: "Federation", found: "Played | None") -> "Iterable[FieldError]":
    from fedtrain.preview.rounds_below_minimum import rounds_not_trained

    return rounds_not_trained(federation, found)


def _below_minimum(federation: "Federation", found: "Played | None") -> "Iterable[str]":
    from fedtrain.preview.rounds_below_minimum import rounds_below_minimum

    return rounds_below_minimum(federation.training.spec, found.rounds) if found is not None else ()


def _without_effect(federation: "Federation") -> tuple[str, ...]:
    """A warning for each field of policies that only a cluster enforces."""
    from fedtrain.api.rules.policy.one_machine import CLUSTER_ONLY, without_effect

    found: dict[str, list[str]] = {}
    for who, policy in federation.policies.items():
        for field in without_effect(policy.spec):
            found.setdefault(field, []).append(who)
    return tuple(
        f"spec.{field} (policy {_some(who)}) has no effect with `fedtrain run`: {CLUSTER_ONLY[field]}."
        for field, who in found.items()
    )


def _privacy(federation: "Federation", counts: Mapping[str, int] | None, barred: Collection[str]) -> tuple[str, ...]:
    """The forecast of a private run. With `unit: Example`, it needs the number of rows, which are on this machine.
    `barred`: participants whose policies allow no round."""
    from fedtrain.cli.spent_privacy import spent_lines
    from fedtrain.preview.model_facts import base_facts
    from fedtrain.rounds.privacy_forecast import privacy_forecast

    forecast = privacy_forecast(federation.training.spec, base_facts(federation), counts, barred)
    return (*forecast, *spent_lines(federation))


def _some(names: list[str]) -> str:
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
