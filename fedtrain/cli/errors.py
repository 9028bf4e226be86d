"""How errors reach the user: in plain words on stderr, exit code 1, no traceback.

Exit codes: 0 done, 1 an error that is said here, 2 wrong usage (click's). A traceback is for bugs: exceptions that
are not listed in `explain`, or all of them with `fedtrain --debug`.
"""

import sys


class UserError(Exception):
    """Something the user can put right. `hint` says how, in one line."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def explain(error: Exception) -> str | None:
    """What to print for `error`; None if it is a bug. Imports nothing that is not imported already: a kind of error
    whose module was never imported can't have been raised."""
    if isinstance(error, UserError):
        return f"error: {error.message}" + (f"\nhint: {error.hint}" if error.hint else "")
    reading = sys.modules.get("fedtrain.api.reading.errors")
    if reading is not None and isinstance(error, reading.Invalid):
        return str(error)
    store = sys.modules.get("fedtrain.ledger.store")
    if store is not None and isinstance(error, store.StoreError):
        return f"error: {error}"
    if isinstance(error, OSError) and error.filename is not None:
        return f"error: {error.filename}: {error.strerror}"
    return None
