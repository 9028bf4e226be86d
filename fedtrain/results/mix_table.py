"""The data sets that participants mix, for status, report and model card."""

from fedtrain.api.data import percent
from fedtrain.results.run_summary import RunSummary
from fedtrain.results.tables import Table, legend
from fedtrain.results.words import count

HEAD = ("participant", "data set", "share", "training rows", "validation rows", "samples in slices")


def mix_table(summary: RunSummary) -> Table | None:
    """Return one row for each data set of each participant; None without `data.datasets` and before rows are
    counted."""
    rows = tuple(
        (
            who.participant,
            one.name,
            percent(one.share),
            count(one.samples),
            count(one.validation_samples),
            count(one.used),
        )
        for who in summary.data
        for one in who.datasets
    )
    meanings = {"share": "of the samples of each slice", "samples in slices": "of all rounds so far, with repeats"}
    return Table("data sets", HEAD, rows, left=2, legend=legend(meanings)) if rows else None
