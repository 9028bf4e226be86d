"""The picture of a run: its metric by round beside the base, each participant alone, and pooled data."""

from pathlib import Path

from fedtrain.ledger.ledger import Ledger
from fedtrain.results.charts.metric import metric_by_round
from fedtrain.results.charts.style import is_picture, png
from fedtrain.results.comparison import read_comparison
from fedtrain.results.curve import curve
from fedtrain.results.folders import write_file
from fedtrain.results.locate import run_folder
from fedtrain.results.summary import summarise


def default_picture(ledger: Ledger) -> Path:
    """`<run folder>/picture.png`, or `./<name>.png` for a run in a bucket."""
    folder = run_folder(ledger)
    return Path(f"{ledger.name}.png") if folder is None else folder / "picture.png"


def write_picture(ledger: Ledger, target: Path) -> Path | None:
    """Write the PNG and return its absolute path; None if the run has no metric. Raises StoreError, OSError."""
    summary = summarise(ledger)
    shown = curve(summary)
    if shown is None:
        return None
    comparison = read_comparison(ledger, summary.run_id, summary.adapter)
    participants = [participant.name for participant in summary.spec.participants]
    return write_file(target, png(lambda: metric_by_round(shown, comparison, participants, 8.0, 4.3)), is_picture)
