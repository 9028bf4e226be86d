"""Message about the participants without an update in the last round, with their share of the rows."""

from collections.abc import Iterable, Mapping

from fedtrain.contracts.records import Absent
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.rounds.reason_text import after_name
from fedtrain.rounds.row_shares import percent, row_shares


def lost_participants_message(missing: Iterable[Absent], round: int, preflights: Mapping[str, Preflight]) -> str | None:
    """Return the message of a run whose last round is without `missing`; None if nothing is missing. It names the
    participants with their shares and reasons, the largest first, and says so if the largest of the run is one."""
    shares = row_shares(preflights)
    reasons = {one.participant: after_name(one.participant, one.reason) for one in missing}
    names = sorted(reasons, key=lambda who: (-shares.get(who, 0.0), who))
    if not names:
        return None
    rows = {who: _rows(shares, who) for who in names}
    if len(shares) > 1 and shares.get(names[0], 0.0) == max(shares.values(), default=0.0):
        rows[names[0]] += ", the largest share"
    lost = "; ".join(f"{who} ({rows[who]}): {reasons[who].rstrip('.')}" for who in names)
    return (
        f"the adapter is complete and can be used, but its last round ({round}) has no update from {lost}. To train "
        "on all rows again, correct this, and start a training with another `metadata.name` and this adapter as "
        "`model.adapter.initialFrom`"
    )


def _rows(shares: Mapping[str, float], who: str) -> str:
    return f"{percent(shares[who])} of all participants' rows" if who in shares else "rows unknown"
