"""`fedtrain report RUN`: write the report of a run."""

from pathlib import Path

import click

from fedtrain.cli.run_argument import RUN


@click.command()
@click.argument("run", type=RUN)
@click.option(
    "--out", type=click.Path(path_type=Path), help="File to write [default: report.html in the run's folder]."
)
@click.option("--csv", "as_csv", is_flag=True, help="Write all measured values as CSV [default: report.csv].")
def command(run: str, out: Path | None, as_csv: bool) -> None:
    """Write one HTML file about RUN: result, charts, rounds, incidents, and how to verify it.

    The file needs no network. RUN is the folder of a run (runs/default/quickstart), its federation file, or
    s3://bucket/prefix/namespace/name.
    """
    from fedtrain.api.places import short_path
    from fedtrain.cli.page_option import check_page
    from fedtrain.results.locate import locate
    from fedtrain.results.report import default_report, write_csv, write_report

    check_page(out, "report.csv" if as_csv else "report.html")
    ledger = locate(run).ledger
    if as_csv:
        click.echo(short_path(str(write_csv(ledger, out or default_report(ledger).with_suffix(".csv")))))
    else:
        click.echo(short_path(str(write_report(ledger, out or default_report(ledger)))))
