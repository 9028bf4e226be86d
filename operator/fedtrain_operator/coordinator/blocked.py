"""Why nothing can be decided of a training now: its file, its participants or its store are not as they must be."""

from fedtrain.manifests.conditions import Condition

STORE_PAUSE_SECONDS = 5.0
RULES_PAUSE_SECONDS = 30.0


class Blocked(Exception):
    """`said` is the condition that says why; `after` so many seconds it is looked at again."""

    def __init__(self, said: Condition, after: float) -> None:
        self.said = said
        self.after = after
        super().__init__(said.message)


def rules(reason: str, message: str) -> Blocked:
    return Blocked(Condition("Accepted", "False", reason, message), RULES_PAUSE_SECONDS)


def unreachable(reason: str, message: str) -> Blocked:
    """The store, which may be back in a moment."""
    return Blocked(Condition("StoreReachable", "False", reason, message), STORE_PAUSE_SECONDS)


def ledger_remains(message: str) -> Blocked:
    """Of a training that is deleted, with `retentionPolicy: Delete`."""
    said = f"deleted, but its ledger goes first, and can't: {message}. With storage.retentionPolicy: Retain it stays"
    return Blocked(Condition("StoreReachable", "False", "LedgerRemains", said), STORE_PAUSE_SECONDS)


def refused(message: str) -> Blocked:
    """By the store, which somebody has to put right."""
    return Blocked(Condition("StoreReachable", "False", "Refused", message), RULES_PAUSE_SECONDS)
