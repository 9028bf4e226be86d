"""Message about the participants without an update in the last round, with their share of the rows."""

from collections.abc import Iterable, Mapping

from fedtrain.contracts.records import Preflight
from fedtrain.rounds.row_shares import percent, row_shares


def lost_participants_message(missing: Iterable[str], round: int, preflights: Mapping[str, Preflight]) -> str | None:
    """Return the message of a run whose last round is without `missing`; None if nothing is missing. It names the
    participants with their shares, the largest first, and says so if the largest of the run is one of them."""
    shares = row_shares(preflights)
    names = sorted(missing, key=lambda who: (-shares.get(who, 0.0), who))
    if not names:
        return None
    largest = max(shares.values(), default=0.0)
    texts = [f"{who} ({_rows(shares, who)})" for who in names]
    if len(shares) > 1 and shares.get(names[0], 0.0) == largest:
        texts[0] = f"{names[0]} ({_rows(shares, names[0])}, the largest share)"
    return f"the last round ({round}) has no update from {', '.join(texts)}"


def _rows(shares: Mapping[str, float], who: str) -> str:
    return f"{percent(shares[who])} of all participants' rows" if who in shares else "rows unknown"
