"""Reads and writes of whole buffers at a place in a file, of which one call of the system may do a part only. Several
threads may use one file for different places."""

import os


def read_into(file: int, view: memoryview, offset: int, what: str) -> None:
    """Fill `view` with the bytes from `offset` on. `what`: names the file in the error. Raises OSError, also if the
    file ends before."""
    while view:
        done = os.preadv(file, [view], offset)
        if not done:
            raise OSError(f"{what} ends before byte {offset}")
        view, offset = view[done:], offset + done


def write_from(file: int, view: memoryview, offset: int) -> None:
    """Write the bytes of `view` from `offset` on. Raises OSError."""
    while view:
        done = os.pwrite(file, view, offset)
        view, offset = view[done:], offset + done
