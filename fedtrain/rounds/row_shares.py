"""Share of each participant in the training rows of a run."""

from collections.abc import Mapping

from fedtrain.contracts.untrusted_records import Preflight


def row_shares(preflights: Mapping[str, Preflight]) -> dict[str, float]:
    """Return the share of each participant in the training rows of all participants that have counted theirs."""
    total = sum(one.samples for one in preflights.values())
    return {who: one.samples / total for who, one in preflights.items()} if total else {}


def percent(share: float) -> str:
    """Return a share as `62%`, or `<1%`."""
    return "<1%" if 0 < share < 0.01 else f"{share:.0%}"
