"""What other trainings have spent on the data of a federation file, and what stays spent of a run that is deleted."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fedtrain.cli.participant_privacy import losses
from fedtrain.cli.policy_errors import spent_by_others
from fedtrain.contracts import names
from fedtrain.quoting import quoted

if TYPE_CHECKING:
    from fedtrain.api.reading.federation import Federation
    from fedtrain.results.locate import Located


def spent_lines(federation: "Federation") -> Iterator[str]:
    """Yield a line for each data set on which other trainings have spent epsilon, whether or not a policy limits it.
    Raises UserError."""
    for who, entries in spent_by_others(federation, limited=False).items():
        for loss in losses(who, federation.policies[who].spec.privacy, entries, ()):
            epsilon = "unknown" if loss.epsilon is None else f"{loss.epsilon:.3g}"
            trainings = ", ".join(dict.fromkeys(one.training for one in loss.trainings))
            yield (
                f"already spent on data set {loss.dataset} of {who}: epsilon {epsilon} at delta {loss.delta:g}, unit "
                f"{loss.unit} ({trainings}); this run adds to it"
            )


def kept_spending(located: "Located") -> str:
    """Return what stays spent of a run that is deleted, and where it is recorded; empty if the run spent nothing."""
    from fedtrain.contracts.records import Run
    from fedtrain.ledger.store import StoreError
    from fedtrain.results.summary import summarise

    try:
        run = located.ledger.read(names.RUN, Run)
        if run is None or "privacy" not in run.spec:  # most runs: the whole run need not be read
            return ""
        loss = summarise(located.ledger).privacy
    except (StoreError, ValueError):  # damaged runs can be deleted, too
        return ""
    if loss is None or not loss.private or not loss.epsilon:
        return ""
    where = "in the ledger of privacy beside each data set, on a cluster in the ConfigMap fedtrain-privacy"
    if located.federation is not None and located.federation.policies:
        command = f"fedtrain participant privacy --file {quoted(located.federation.path)}"
        where = f"in the ledger of privacy beside each data set (`{command}`)"
    return f"epsilon {loss.spent} at delta {loss.delta:g} stays spent on the participants' data. It is recorded {where}"
