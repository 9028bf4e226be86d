"""`fedtrain personalise FILE`: continue from a federated adapter on one participant's own rows."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fedtrain.cli.errors import TrainingsFailed, UserError
from fedtrain.cli.next_commands import show_next
from fedtrain.cli.numbers import WholeNumber
from fedtrain.cli.progress import is_terminal
from fedtrain.cli.wrapping import aside
from fedtrain.quoting import quoted

if TYPE_CHECKING:
    from fedtrain.api.reading.federation import Federation


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--adapter", type=click.Path(path_type=Path), required=True, help="Folder of the federated adapter (`export`)."
)
@click.option("--steps", type=WholeNumber(min=1), required=True, help="Optimizer steps from the federated adapter.")
@click.option("--participant", metavar="NAME", help="Your name in FILE [default: the one with a policy in FILE].")
@click.option("--data", type=click.Path(path_type=Path), help="Your rows [default: as your policy in FILE says].")
@click.option("--base", type=click.Path(path_type=Path), help="Folder of the base model [default: as FILE says].")
@click.option(
    "--runs", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="Folder for the result."
)
@click.option(
    "--no-alone",
    is_flag=True,
    help="Do not train on your rows alone.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON only.")
@click.option("--plain", is_flag=True, help="Print plain lines, also on a terminal.")
def command(
    file: Path,
    adapter: Path,
    steps: int,
    participant: str | None,
    data: Path | None,
    base: Path | None,
    runs: Path,
    no_alone: bool,
    as_json: bool,
    plain: bool,
) -> None:
    """Continue from a federated adapter on your own rows, and compare on your validation split.

    For a participant: FILE is the federation's file, ADAPTER what the hub exported. Trains on this machine and sends
    nothing: the result stays in the folder --runs. The comparison shows the base model, your rows alone (as many steps
    as FILE plans in all rounds), the federated and the personalised adapter. After Ctrl-C, run the same command again.
    """
    from fedtrain.api.reading import read_file
    from fedtrain.baseline.arms import planned_steps
    from fedtrain.baseline.one_participant import own_copy, personalise
    from fedtrain.baseline.progress import Bars, Lines, Silent
    from fedtrain.baseline.without_noise import without_noise
    from fedtrain.contracts.as_json import as_json as plain_json
    from fedtrain.results.baseline_tables import personal_tables
    from fedtrain.results.run_result import export_newest
    from fedtrain.results.tables import show
    from fedtrain.runner.errors import RunError

    federation = read_file(file, elsewhere=True, judged=False)
    who = _participant(federation, participant)
    _check_rows_are_named(federation, who, data)
    _check_folders(federation, adapter, base)
    terminal = is_terminal(plain)
    view = Silent() if as_json else Bars() if terminal else Lines(sys.stdout)
    if (note := without_noise(federation)) is not None:
        aside(f"note: {note}.")
    own = own_copy(federation, who, runs, data, base)
    steps_alone = None if no_alone else planned_steps(federation.training.spec, who)
    try:
        result = personalise(own, who, adapter, steps, steps_alone=steps_alone, view=view)
    except KeyboardInterrupt:
        view.close()
        click.echo("stopped. Run the same command to resume", err=True)
        sys.exit(130)
    except RunError as error:
        raise UserError(str(error)) from error
    finally:
        view.close()
    if result.failed:
        raise TrainingsFailed(result.failed, "Fix the cause and run the same command again.")
    if as_json:
        click.echo(json.dumps(plain_json(result.comparison), indent=2))
        return
    click.echo("")
    show(personal_tables(result.comparison, own.training.spec), terminal)
    folder = export_newest(result.ledger, result.federation)
    click.echo(f"\npersonalised adapter: {folder}")
    show_next((f"fedtrain try {quoted(folder.parent)}", "talk to it"))


def _check_rows_are_named(federation: "Federation", who: str, data: Path | None) -> None:
    if data is None and who not in federation.policies:
        fix = "Name your rows with --data, or add your ParticipantPolicy."
        raise UserError(f"{federation.path} has no policy of {who}", fix)
    if data is not None and len(federation.training.spec.data.names) > 1:
        raise UserError("--data names one data set, but data.datasets has several", "Add your policy to the file.")


def _check_folders(federation: "Federation", adapter: Path, base: Path | None) -> None:
    from fedtrain.api.base_model_folder import not_a_base
    from fedtrain.results.base_folder import not_the_base, use_base
    from fedtrain.results.export_files import WEIGHTS

    if not (adapter / WEIGHTS).is_file():
        raise UserError(f"{adapter} is not an adapter: it has no {WEIGHTS}", "Name the folder of `fedtrain export`.")
    if base is not None and not base.is_dir():
        raise UserError(f"the folder {base} does not exist", "Correct --base.")
    if base is not None and (contents := not_a_base(base)) is not None:
        raise UserError(not_the_base(base, contents), f"{use_base(federation.training.spec.model.base)}.")


def _participant(federation: "Federation", named: str | None) -> str:
    listed = [participant.name for participant in federation.training.spec.participants]
    if named is None and len(with_policy := [who for who in listed if who in federation.policies]) == 1:
        return with_policy[0]
    if named is None:
        raise UserError(
            "it is not clear which participant you are",
            f"Name it with --participant: {', '.join(f'`{one}`' for one in listed)}.",
        )
    if named not in listed:
        raise UserError(f"{named!r} is not a participant", f"Use one of {', '.join(f'`{one}`' for one in listed)}.")
    return named
