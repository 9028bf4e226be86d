"""`fedtrain baseline FILE`: compare federated training with training alone and on pooled data."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fedtrain.cli.errors import TrainingsFailed, UserError
from fedtrain.cli.numbers import WholeNumber
from fedtrain.cli.progress import is_terminal, progress_view
from fedtrain.cli.wrapping import aside, say
from fedtrain.quoting import quoted

if TYPE_CHECKING:
    from fedtrain.api.reading import Federation
    from fedtrain.baseline.arms import ArmRun
    from fedtrain.baseline.compare import Compared
    from fedtrain.runner.events import Event


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--alone-only", is_flag=True, help="Skip the training on pooled data.")
@click.option("--parallel", type=WholeNumber(min=1), help="Trainings at the same time [default: from cores or GPUs].")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON only.")
@click.option("--plain", is_flag=True, help="Print plain lines, also on a terminal.")
@click.option(
    "--personalise",
    "personal_steps",
    type=WholeNumber(min=1),
    metavar="STEPS",
    help="Also train the federated adapter for STEPS on each participant's own rows.",
)
def command(
    file: Path, alone_only: bool, parallel: int | None, as_json: bool, plain: bool, personal_steps: int | None
) -> None:
    """Compare the run of FILE with each participant training alone, and with training on all data pooled.

    Each participant takes as many steps alone as in the federated run, and all data pooled the steps of all. Runs the
    federation first if needed. After Ctrl-C or a crash, run the same command again to resume. All data must be on this
    machine, as for `fedtrain run`.
    """
    from fedtrain.baseline.compare import Watch, compare
    from fedtrain.baseline.without_noise import check_storage, without_noise
    from fedtrain.cli.missing_format import read_with_format_of_rows
    from fedtrain.contracts.as_json import as_json as plain_json
    from fedtrain.ledger.run_claim import SpecDiffers
    from fedtrain.runner.errors import RunError

    federation = read_with_format_of_rows(file)
    terminal = is_terminal(plain)
    screen = _Screen(as_json, terminal)
    watch = Watch(screen.federated, screen.begins, screen.arms.arm, screen.arms.measured)
    if (note := without_noise(federation)) is not None:
        aside(f"note: {note}.")
    try:
        check_storage(federation)
        result = compare(federation, watch, alone_only=alone_only, personal_steps=personal_steps, parallel=parallel)
    except KeyboardInterrupt:
        screen.close()
        click.echo(f"stopped. Run `fedtrain baseline {quoted(file)}` to resume", err=True)
        sys.exit(130)
    except (RunError, SpecDiffers) as error:
        raise UserError(str(error)) from error
    finally:
        screen.close()
    if as_json:
        click.echo(json.dumps(plain_json(result.comparison), indent=2))
    else:
        _show(result, federation, terminal)
    if result.failed:
        raise TrainingsFailed(result.failed, f"Run `fedtrain baseline {quoted(file)}` to retry them.")


def _show(result: "Compared", federation: "Federation", terminal: bool) -> None:
    """Print the comparison, and where its files are. Writes the picture and exports the adapter."""
    from fedtrain.api.places import short_path
    from fedtrain.results.baseline_tables import comparison_table, headline_text, personal_table
    from fedtrain.results.chance import labels_note, rows_of
    from fedtrain.results.export import default_target
    from fedtrain.results.picture import default_picture, write_picture
    from fedtrain.results.run_result import export_newest
    from fedtrain.results.summary import summarise
    from fedtrain.results.tables import show

    spec = federation.training.spec
    click.echo("")
    personal = personal_table(result.comparison, spec)
    show([comparison_table(result.comparison, spec), *([personal] if personal else [])], terminal)
    summary = summarise(result.ledger)
    click.echo("")
    if note := labels_note(summary):
        say(f"{note}.")
    say(headline_text(result.comparison, spec, rows_of(summary)))
    click.echo("")
    picture = write_picture(result.ledger, default_picture(result.ledger))
    if picture is not None:
        click.echo(f"picture: {short_path(str(picture))}")
    click.echo(f"adapter: {short_path(str(export_newest(result.ledger, federation)))}")
    for arm in result.comparison.arms:
        if arm.kind == "Personalised":
            folder = default_target(result.ledger).parent.with_name(arm.run.rpartition("/")[2])
            click.echo(f"personalised adapter of {arm.participant}: fedtrain export {quoted(folder)}")


class _Screen:
    """Progress of the federated run as in `fedtrain run`, then of the other trainings. Only one of both draws on a
    terminal at a time."""

    def __init__(self, as_json: bool, terminal: bool) -> None:
        from fedtrain.baseline.progress import ArmsView, Bars, Lines, Silent

        self._quiet = as_json
        self._terminal = terminal
        self._federated = None
        self.arms: ArmsView = Silent() if as_json else Bars() if terminal else Lines(sys.stdout)

    def federated(self, event: "Event") -> None:
        if self._quiet:
            return
        if self._federated is None:
            self._federated = progress_view(as_json=False, plain=not self._terminal)
        self._federated(event)

    def begins(self, arms: "list[ArmRun]") -> None:
        self._close_federated()
        self.arms.begins(arms)

    def close(self) -> None:
        self._close_federated()
        self.arms.close()

    def _close_federated(self) -> None:
        if self._federated is not None:
            self._federated.close()
            self._federated = None
