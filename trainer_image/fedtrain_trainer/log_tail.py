"""The last lines that the trainer itself logged, without values of rows: with the owner's consent they leave the
participant.

Lines of libraries and of other loggers are not kept. The messages of fedtrain's own errors are kept, because they
contain no value of a row; of all other exceptions, only the type and the places in fedtrain's code.
"""

import logging
import time
import traceback
from collections import deque
from pathlib import Path

from fedtrain.data.errors import DataError
from fedtrain.ledger.store import StoreError
from fedtrain_trainer.outcome import Refused, Retry

LOGGER = "fedtrain.trainer"
LINES = 40
_LONGEST = 300
_PLACES = 6
_OWN = (Refused, Retry, DataError)
_PACKAGES = ("fedtrain_trainer", "data", "ledger", "adapters")


class Local(str):
    """A part of a line that stays in the participant's own log: the tail omits it."""


class LogTail(logging.Handler):
    """Keeps the last LINES lines of LOGGER in memory."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._lines: deque[str] = deque(maxlen=LINES)

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(self._lines)

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(line_of(record)[:_LONGEST])


def install() -> LogTail:
    """Add a handler to the trainer's logger."""
    tail = LogTail()
    logging.getLogger(LOGGER).addHandler(tail)
    return tail


def line_of(record: logging.LogRecord) -> str:
    """Return time, level and message, and the type and places of an exception."""
    arguments = record.args if isinstance(record.args, tuple) else ()
    message = record.msg % tuple(_shown(one) for one in arguments) if isinstance(record.msg, str) else ""
    parts = [time.strftime("%H:%M:%S", time.gmtime(record.created)), record.levelname.lower(), message]
    if record.exc_info and record.exc_info[1] is not None:
        parts.append(_failure(record.exc_info[1]))
    return " ".join(parts)


def _shown(argument: object) -> object:
    if isinstance(argument, Local):
        return ""
    if not isinstance(argument, BaseException):
        return argument
    if isinstance(argument, StoreError):
        return argument.public
    return str(argument) if isinstance(argument, _OWN) else type(argument).__name__


def _failure(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [one for one in frames if Path(one.filename).parent.name in _PACKAGES][-_PLACES:]
    places = ", ".join(f"{Path(one.filename).name}:{one.lineno}" for one in own)
    return f"{type(error).__name__} at {places or 'an unknown place'}"
