"""The report: one HTML file that loads nothing else."""

from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from fedtrain import __version__
from fedtrain.ledger.ledger import Ledger
from fedtrain.results.comparison import Comparison, read_comparison
from fedtrain.results.folders import write_file
from fedtrain.results.locate import run_folder
from fedtrain.results.report.content import content
from fedtrain.results.run_summary import RunSummary
from fedtrain.results.summary import summarise


def write_report(ledger: Ledger, target: Path) -> Path:
    """Writes the report and returns its absolute path. Raises StoreError, OSError."""
    summary = summarise(ledger)
    comparison = read_comparison(ledger, summary.run_id, summary.adapter)
    return write_file(target, report(summary, comparison).encode())


def default_report(ledger: Ledger) -> Path:
    """`<run folder>/report.html`, or `./<name>-report.html` for a run in a bucket."""
    folder = run_folder(ledger)
    return Path(f"{ledger.name}-report.html") if folder is None else folder / "report.html"


def report(summary: RunSummary, comparison: Comparison | None) -> str:
    """The HTML, the same for the same summary. The template escapes all text; only charts are markup."""
    package = files("fedtrain.results.report")
    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    template = environment.from_string(package.joinpath("report.html.jinja").read_text(encoding="utf-8"))
    style = Markup(package.joinpath("style.css").read_text(encoding="utf-8"))
    return template.render(content(summary, comparison), style=style, version=__version__, cell_state=_cell_state)


_STATES = {
    "Committed": "good",
    "Aggregated": "good",
    "Skipped": "warn",
    "Absent": "warn",
    "Quarantined": "bad",
    "Failed": "bad",
}


def _cell_state(cell: str) -> str:
    """The CSS class of a cell such as `Committed` or `Quarantined: why`; empty for other cells."""
    return _STATES.get(cell.partition(":")[0].partition(" ")[0], "")
