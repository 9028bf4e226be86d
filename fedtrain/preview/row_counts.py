"""Count the rows of the participants' data sets, with the checks of the trainer."""

from collections.abc import Mapping

from fedtrain.api.reading.federation import Federation
from fedtrain.preview.row_check import HUB, CheckedRows, check_rows


class Uncounted(Exception):
    """The rows of these participants cannot be counted on this machine: participant -> reason."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{who}: {why}" for who, why in reasons.items()))
        self.reasons = dict(reasons)


class Refusable(Exception):
    """The trainer would refuse the data of these participants: participant -> first invalid row and reason."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{who}: {why}" for who, why in reasons.items()))
        self.reasons = dict(reasons)


def count(federation: Federation, given: Mapping[str, int]) -> dict[str, int]:
    """Return the number of rows of each participant: given, or counted and checked. Raises Uncounted, Refusable."""
    return counted(federation, given)[0]


def counted(federation: Federation, given: Mapping[str, int]) -> tuple[dict[str, int], list[CheckedRows]]:
    """Return the number of rows of each participant, and what was found in the rows. The plan does not depend on the
    hub's rows, so they may be elsewhere. Raises Uncounted, Refusable."""
    checked = check_rows(federation, None, skip=given)
    if bad := {one.who: str(one.faults[0]) for one in checked if one.faults}:
        raise Refusable(bad)
    if failed := {one.who: one.absent for one in checked if one.absent is not None and one.who != HUB}:
        raise Uncounted(failed)
    found = {one.who: one.rows for one in checked}
    names = [participant.name for participant in federation.training.spec.participants]
    return {name: given.get(name, found.get(name, 0)) for name in names}, checked
