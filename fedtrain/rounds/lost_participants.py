"""Participants without an update in the last round, and their share of the rows."""

from collections.abc import Iterable, Mapping

from fedtrain.contracts.records import Preflight


def row_shares(preflights: Mapping[str, Preflight]) -> dict[str, float]:
    """Return the share of each participant in the training rows of all participants that have counted theirs."""
    total = sum(one.samples for one in preflights.values())
    return {who: one.samples / total for who, one in preflights.items()} if total else {}


def percent(share: float) -> str:
    """Return a share as `62%`, or `<1%`."""
    return "<1%" if 0 < share < 0.01 else f"{share:.0%}"


def lost(missing: Iterable[str], round: int, preflights: Mapping[str, Preflight]) -> str | None:
    """Return the message of a run whose last round is without `missing`; None if nothing is missing. It names the
    participants with their shares, the largest first, and says so if the largest of the run is one of them."""
    shares = row_shares(preflights)
    names = sorted(missing, key=lambda who: (-shares.get(who, 0.0), who))
    if not names:
        return None
    texts = [
        f"{who} ({percent(shares[who])} of the rows)" if who in shares else f"{who} (rows unknown)" for who in names
    ]
    largest = max(shares.values(), default=0.0)
    is_largest = len(shares) > 1 and shares.get(names[0], 0.0) == largest
    warning = f". {names[0]} has the most rows of all participants" if is_largest else ""
    return f"round {round}, the last one, is without {', '.join(texts)}{warning}"
