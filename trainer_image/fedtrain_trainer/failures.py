"""Maps an error to the outcome of a task: retry or refuse.

The reason leaves the participant. Messages of fedtrain's own errors contain no value of a row; messages of other errors
may (libraries quote what they cannot read), so only their type and place in our code is reported.
"""

import errno
import logging
import sys
import tempfile
import traceback
from pathlib import Path

from fedtrain.contracts.exit_codes import EXIT_LEDGER, EXIT_REFUSED, EXIT_RETRY, EXIT_SPOOLED
from fedtrain.data.errors import DataError
from fedtrain.ledger.store import LedgerRefused, StoreError, StoreUnavailable
from fedtrain_trainer.outcome import Interrupted, Refused, Retry, Spooled

log = logging.getLogger("fedtrain.trainer")

_PACKAGES = ("fedtrain_trainer", "works", "gradients", "data", "ledger", "adapters")
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


def judged(error: BaseException) -> tuple[int, str]:
    """Return exit code and reason. Unexpected errors are retried: attempts are counted. The reason can be written in
    UTF-8, as records are, whatever the names of files are written in."""
    code, reason = _judged(error)
    return code, reason.encode(errors="backslashreplace").decode()


def _judged(error: BaseException) -> tuple[int, str]:
    match error:
        case Refused() | DataError():
            return EXIT_REFUSED, str(error)
        case Spooled():
            return EXIT_SPOOLED, str(error)
        case StoreError() if error.unanswered is not None:
            log.warning("%s", error)
            return EXIT_RETRY, error.outcome
        case Retry() | StoreUnavailable():
            return EXIT_RETRY, str(error)
        case Interrupted():
            return EXIT_RETRY, f"interrupted: {error}"
        case RuntimeError() if _is_out_of_memory(error):
            return EXIT_RETRY, f"out of memory on the GPU: {str(error).splitlines()[0]}"
        case LedgerRefused():
            return EXIT_LEDGER, str(error)
        case StoreError():
            return EXIT_REFUSED, str(error)
        case OSError() if error.errno in _NO_SPACE:
            folder = error.filename or tempfile.gettempdir()
            return EXIT_RETRY, f"the disk of {folder} is full ({error.strerror}). Free some space"
        case OSError():
            return EXIT_RETRY, f"system error: {error.strerror or type(error).__name__} at {_place(error)}"
        case _:
            what = f"{type(error).__name__} at {_place(error)}"
            return EXIT_RETRY, f"unexpected {what}; see the log of this task, which stays where it ran"


def _place(error: BaseException) -> str:
    """Return file and line of the innermost frame in fedtrain's own code."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).parent.name in _PACKAGES]
    return f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else "an unknown place"


def is_expected(error: BaseException) -> bool:
    known = Refused | DataError | Retry | Spooled | Interrupted | StoreError | OSError
    return isinstance(error, known) or _is_out_of_memory(error)


def _is_out_of_memory(error: BaseException) -> bool:
    """Whether a GPU has no memory left. A task that works without torch does not import it here."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(error, torch.OutOfMemoryError)
