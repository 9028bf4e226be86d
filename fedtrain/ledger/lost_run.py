"""A run whose `run.json` was deleted while its rounds are still there, or whose rounds were deleted. Nothing may be
written over the first: with a new `run.json`, all its records would belong to another run. The second would be trained
again."""

import re
from collections.abc import Iterable

from fedtrain.contracts import names
from fedtrain.ledger.affected_rounds import listed_rounds
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import LedgerCorrupt
from fedtrain.quoting import quoted

_RECORDED = re.compile(r"rounds/(\d+)/(?:manifest|plan)\.json")
"""Records of a run that has begun; those of round 0 before its manifest may be replaced."""


class LostRun(LedgerCorrupt):
    """`run.json` is missing, and records of `rounds` are there."""

    def __init__(self, address: str, rounds: tuple[int, ...]) -> None:
        super().__init__(
            f"`{names.RUN}` is missing, but {address} has the records of a run ({listed_rounds(rounds)}). Restore "
            f"{names.RUN} from a backup. Without one, start a run with another `metadata.name`, or delete the records "
            f"with `fedtrain delete {quoted(address)}`."
        )
        self.rounds = rounds


class LostLedger(LedgerCorrupt):
    """The records of a run that has begun are missing."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"{url} has no rounds, but this training has begun. Restore the ledger from a backup, such as the bucket's "
            "versions. To train all rounds again, delete the FederatedTraining and apply it again: a privacy budget is "
            "then spent a second time."
        )


def lost_rounds(listed: Iterable[str]) -> tuple[int, ...]:
    """Return the rounds that have records, of the names of a run's objects; none if `run.json` is among them."""
    listed = tuple(listed)
    if names.RUN in listed:
        return ()
    return tuple(sorted({int(found[1]) for name in listed if (found := _RECORDED.fullmatch(name))}))


def lost_run(ledger: Ledger) -> LostRun | None:
    """Return the error of a run that has lost its `run.json`; None if there is one, or no run at all. Raises
    StoreError."""
    if ledger.size(names.RUN) is not None:
        return None
    rounds = lost_rounds(ledger.names(f"{names.ROUNDS}/"))
    if not rounds or ledger.size(names.RUN) is not None:  # a run that began meanwhile
        return None
    return LostRun(ledger.address.rstrip("/"), rounds)
