"""What an error means for a task: worth another try, or not."""

import errno

import torch

from fedtrain.contracts.tasks import EXIT_REFUSED, EXIT_RETRY
from fedtrain.data.errors import DataError
from fedtrain.ledger.store import StoreError, StoreUnavailable
from fedtrain_trainer.outcome import Interrupted, Refused, Retry

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


def judged(error: BaseException) -> tuple[int, str]:
    """Exit code and reason. What nobody foresaw may be tried again: attempts are counted."""
    match error:
        case Refused() | DataError():
            return EXIT_REFUSED, str(error)
        case Retry() | StoreUnavailable():
            return EXIT_RETRY, str(error)
        case Interrupted():
            return EXIT_RETRY, f"interrupted: {error}"
        case torch.OutOfMemoryError():
            return EXIT_RETRY, f"out of memory on the GPU: {str(error).splitlines()[0]}"
        case StoreError():
            is_full = isinstance(error.__cause__, OSError) and error.__cause__.errno in _NO_SPACE
            return (EXIT_RETRY if is_full else EXIT_REFUSED), str(error)
        case OSError():
            what = "the disk is full" if error.errno in _NO_SPACE else "the operating system said no"
            return EXIT_RETRY, f"{what}: {error}"
        case _:
            return EXIT_RETRY, f"unexpected {type(error).__name__}: {error}"


def is_expected(error: BaseException) -> bool:
    return isinstance(error, Refused | DataError | Retry | Interrupted | StoreError | OSError | torch.OutOfMemoryError)
