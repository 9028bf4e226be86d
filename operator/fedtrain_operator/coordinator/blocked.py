"""Why nothing can be decided for a training now: its file, its participants, its store or the API server."""

import logging

from pydantic import ValidationError

from fedtrain.ledger.store import StoreError, StoreUnavailable
from fedtrain.manifests.conditions import Condition
from fedtrain_operator.kube.api_error import ApiError

log = logging.getLogger("fedtrain")

STORE_PAUSE_SECONDS = 5.0
RULES_PAUSE_SECONDS = 30.0


class Blocked(Exception):
    """`condition` says why; the next try is due `after` seconds."""

    def __init__(self, condition: Condition, after: float) -> None:
        self.condition = condition
        self.after = after
        super().__init__(condition.message)


def rules(reason: str, message: str) -> Blocked:
    return Blocked(Condition("Accepted", "False", reason, message), RULES_PAUSE_SECONDS)


def malformed(error: ValidationError, or_else: str = "") -> Blocked:
    """A spec of a newer CRD than this operator's. `or_else`: another way out than a newer operator."""
    problem = error.errors(include_url=False)[0]
    where = f"spec.{'.'.join(map(str, problem['loc']))}"
    fix = f"Ask the hub's administrator to update the hub's chart{or_else}"
    return rules("Malformed", f"{where}: {problem['msg']}. {fix}")


def no_credentials(message: str) -> Blocked:
    again = f"{message.rstrip('.')}. It is read again every {STORE_PAUSE_SECONDS:.0f} s"
    return Blocked(Condition("StoreReachable", "False", "NoCredentials", again), STORE_PAUSE_SECONDS)


def store(error: StoreError) -> Blocked:
    """An outage, which may end at any moment, or a refusal, which a user must fix."""
    if is_outage(error):
        return Blocked(Condition("StoreReachable", "False", "Unavailable", _public(error)), STORE_PAUSE_SECONDS)
    return Blocked(Condition("StoreReachable", "False", "Refused", str(error)), RULES_PAUSE_SECONDS)


def is_outage(error: StoreError) -> bool:
    return error.unanswered is not None or isinstance(error, StoreUnavailable)


def _public(error: StoreError) -> str:
    if error.unanswered is None:
        return str(error)
    log.warning("%s", error)
    return f"{error.public}. The operator's log has the details."


def ledger_remains(error: StoreError) -> Blocked:
    """The ledger of a deleted training with `retentionPolicy: Delete` cannot be deleted."""
    message = f"the ledger cannot be deleted: {_public(error)} To keep it, set storage.retentionPolicy: Retain"
    return Blocked(Condition("StoreReachable", "False", "LedgerRemains", message), STORE_PAUSE_SECONDS)


def api_server(error: ApiError) -> Blocked:
    """The API server refuses a request about the training itself or another object of its namespace."""
    message = f"the API server {'failed' if error.may_pass else 'refused'} a request for this training: {error}. It "
    message += (
        f"is tried again every {STORE_PAUSE_SECONDS:.0f} s. If it persists, ask the administrator of the hub's cluster"
    )
    return Blocked(Condition("TasksAccepted", "False", "HubRefused", message), STORE_PAUSE_SECONDS)
