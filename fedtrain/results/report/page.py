"""The page around the sections."""

from html import escape
from importlib.resources import files
from pathlib import Path

from fedtrain import __version__
from fedtrain.ledger.ledger import Ledger
from fedtrain.results.comparison import Comparison, read_comparison
from fedtrain.results.folders import write_file
from fedtrain.results.locate import run_folder
from fedtrain.results.report.sections import all_sections
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
    """The HTML, the same for the same summary."""
    style = files("fedtrain.results.report").joinpath("style.css").read_text(encoding="utf-8")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(summary.name)}: federated fine-tuning</title>
<style>
{style}</style>
</head>
<body>
<main>
{all_sections(summary, comparison).text}
<footer>Written by fedtrain {__version__} from the run's ledger.</footer>
</main>
</body>
</html>
"""
