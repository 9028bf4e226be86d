"""Count the rows of the participants' data sets, with the checks of the trainer."""

from collections.abc import Mapping

from fedtrain.api.reading.federation import Federation
from fedtrain.preview.checked_rows import HUB, CheckedRows
from fedtrain.preview.rendered_rows import RenderedRows
from fedtrain.preview.row_check import check_rows

Rows = Mapping[str, Mapping[str, int]]
"""Number of rows, by participant and data set."""


class Uncounted(Exception):
    """The rows of these participants cannot be counted on this machine: participant (`bank-a/notes` with a mix) ->
    reason."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{who}: {why}" for who, why in reasons.items()))
        self.reasons = dict(reasons)


class Refusable(Exception):
    """The trainer would refuse the data of these participants: participant -> first invalid row and reason."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{who}: {why}" for who, why in reasons.items()))
        self.reasons = dict(reasons)


def count(federation: Federation, given: Rows) -> Rows:
    """Return the number of rows of each participant: given, or counted and checked. Raises Uncounted, Refusable."""
    return counted(federation, given)[0]


def counted(
    federation: Federation, given: Rows, rendered: RenderedRows | None = None
) -> tuple[Rows, list[CheckedRows]]:
    """Return the number of rows of each participant, and what was found in the rows. The plan does not depend on the
    hub's rows, so they may be elsewhere. `rendered`: counts faults of rows as the model
    sees them. Raises Uncounted, Refusable."""
    spec = federation.training.spec
    known = {(who, name): rows for who, sets in given.items() for name, rows in sets.items()}
    checked = check_rows(federation, None, skip=known, rendered=rendered)
    if bad := {one.label: str(one.faults[0]) for one in checked if one.faults}:
        raise Refusable(bad)
    if failed := {_option(one): one.absent for one in checked if one.absent is not None and one.who != HUB}:
        raise Uncounted(failed)
    for one in checked:
        if one.who != HUB:
            known[one.who, one.dataset or spec.data.names[0]] = one.rows
    return {one.name: {name: known[one.name, name] for name in spec.data.names} for one in spec.participants}, checked


def _option(one: CheckedRows) -> str:
    """The data set's name for the option `--rows`."""
    return one.who if one.dataset is None else f"{one.who}/{one.dataset}"
