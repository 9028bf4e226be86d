"""The report: one HTML file that loads nothing else."""

import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from fedtrain import __version__
from fedtrain.ledger.ledger import Ledger
from fedtrain.palette import role_of
from fedtrain.results.comparison import Comparison, read_comparison
from fedtrain.results.folders import is_page, write_file
from fedtrain.results.locate import run_folder
from fedtrain.results.public_summary import public_summary
from fedtrain.results.report.content import content
from fedtrain.results.report.style import style_sheet
from fedtrain.results.report.telemetry import ReportTelemetry, read_telemetry
from fedtrain.results.run_summary import RunSummary
from fedtrain.results.samples import Sample, answered_rounds, read_samples
from fedtrain.results.series import as_csv, is_csv
from fedtrain.results.summary import summarise


def write_report(ledger: Ledger, target: Path) -> Path:
    """Write the report and return its absolute path. Raises StoreError, OSError."""
    summary = summarise(ledger)
    comparison = read_comparison(ledger, summary.run_id, summary.adapter)
    html = report(summary, comparison, read_telemetry(ledger, summary), read_samples(ledger, summary))
    return write_file(target, html.encode(), is_page)


def write_csv(ledger: Ledger, target: Path) -> Path:
    """Write all measured values of the run and return the file's absolute path. Raises StoreError, OSError."""
    return write_file(target, as_csv(summarise(ledger)).encode(), is_csv)


def default_report(ledger: Ledger) -> Path:
    """`<run folder>/report.html`, or `./<name>-report.html` for a run in a bucket."""
    folder = run_folder(ledger)
    return Path(f"{ledger.name}-report.html") if folder is None else folder / "report.html"


def report(
    summary: RunSummary,
    comparison: Comparison | None,
    telemetry: ReportTelemetry | None = None,
    samples: Sequence[Sample] = (),
) -> str:
    """Return the HTML, the same for the same run, without paths of this machine. The template escapes all text; only
    charts are markup."""
    package = files("fedtrain.results.report")
    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    template = environment.from_string(package.joinpath("report.html.jinja").read_text(encoding="utf-8"))
    summary = public_summary(summary)
    values = content(summary, comparison, telemetry or ReportTelemetry())
    return template.render(
        values,
        samples=samples,
        answered=answered_rounds(samples),
        style=style_sheet(),
        version=__version__,
        role_of=role_of,
        prose=prose,
    )


def prose(text: str) -> Markup:
    """Escape the text and show what is between backticks as code."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))
