"""Permissions that count for root, too."""

import ctypes
import os
from collections.abc import Generator
from contextlib import contextmanager

_VERSION = 0x20080522
_DAC = 1 << 1 | 1 << 2
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH."""


@contextmanager
def as_ordinary_user() -> Generator[None]:
    """Let the permissions of files count for this thread."""
    if os.geteuid() != 0:
        yield
        return
    _allow_all(False)
    try:
        yield
    finally:
        _allow_all(True)


def _allow_all(allow: bool) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = (ctypes.c_uint32 * 2)(_VERSION, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, sets) == 0
    effective, permitted = sets[0], sets[1]
    sets[0] = effective | (permitted & _DAC) if allow else effective & ~_DAC
    assert libc.capset(header, sets) == 0
