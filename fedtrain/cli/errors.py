"""How errors reach the user: in plain words on stderr, exit code 1, no traceback.

Exit codes: 0 done, 1 an error that is said here, 2 wrong usage (click's). A traceback is for bugs: exceptions that
`explain` does not know, or all of them with `fedtrain --debug`.
"""

import sys

EXPECTED = (
    # module, exception, whether its text is whole as it is
    ("fedtrain.api.reading.errors", "Invalid", True),
    ("fedtrain.ledger.store", "StoreError", False),
    ("fedtrain.ledger.admission", "SpecDiffers", False),
    ("fedtrain.adapters.errors", "AdapterFileError", False),
    ("fedtrain.runner.errors", "RunError", False),
)

EXTRA = ("torch", "torchx", "transformers", "peft", "accelerate", "datasets", "pyarrow", "psutil", "matplotlib")
"""Packages of `fedtrain[local]`, which training on this machine needs."""


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
    for module, name, whole in EXPECTED:
        if module in sys.modules and isinstance(error, getattr(sys.modules[module], name)):
            return str(error) if whole else f"error: {error}"
    if isinstance(error, ModuleNotFoundError) and error.name in EXTRA:
        return f"error: this needs the package {error.name}\nhint: pip install 'fedtrain[local]'"
    if isinstance(error, OSError) and error.filename is not None:
        return f"error: {error.filename}: {error.strerror}"
    return None
