"""`fedtrain track RUN`: copy the values of a run to an experiment tracker."""

import time

import click

from fedtrain.cli.run_argument import RUN

_SECONDS = 5.0
"""Between two looks at the ledger with --follow."""


@click.command()
@click.argument("run", type=RUN)
@click.option(
    "--to",
    "tracker",
    type=click.Choice(["TensorBoard", "WandB", "MLflow"], case_sensitive=False),
    metavar="[TensorBoard|WandB|MLflow]",
    required=True,
    help="Experiment tracker. Its library is the extra of the same name: fedtrain[wandb].",
)
@click.option("--place", help="Folder (TensorBoard, WandB), or server or database (MLflow) [default: of its library].")
@click.option("--follow", is_flag=True, help="Continue until the run ends.")
def command(run: str, tracker: str, place: str | None, follow: bool) -> None:
    """Copy the metrics of RUN to TensorBoard, Weights & Biases or MLflow: the hub's metrics by round, and each
    participant's losses, norms and metrics.

    RUN is the folder of a run (runs/default/quickstart), its federation file, or s3://bucket/prefix/namespace/name.
    The ledger is only read: the run may be finished, or proceed on this machine or on a cluster. The same command again
    adds the new rounds.
    """
    from fedtrain.results.locate import locate
    from fedtrain.results.run_phase import NOT_RUNNING
    from fedtrain.results.summary import summarise
    from fedtrain.results.tracking.tracker import explained, open_tracker, track

    ledger = locate(run).ledger
    summary = summarise(ledger)
    with explained(tracker):
        opened = open_tracker(tracker, summary, place)
        last = opened.tracked()
        try:
            while True:
                last = track(opened, summary, last)
                if not follow or summary.phase in NOT_RUNNING:
                    break
                time.sleep(_SECONDS)
                summary = summarise(ledger)
        except KeyboardInterrupt:
            pass
        finally:
            shown = opened.close()
    click.echo(f"rounds 0 to {last}: {shown}" if last >= 0 else f"no round is complete yet: {shown}")
