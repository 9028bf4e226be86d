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
    texts = [
        f"{who} ({percent(shares[who])} of the rows)" if who in shares else f"{who} (rows unknown)" for who in names
    ]
    largest = max(shares.values(), default=0.0)
    is_largest = len(shares) > 1 and shares.get(names[0], 0.0) == largest
    warning = f". {names[0]} has the most rows of all participants" if is_largest else ""
    return f"round {round}, the last one, is without {', '.join(texts)}{warning}"
