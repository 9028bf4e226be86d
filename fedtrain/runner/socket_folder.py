"""A folder for the socket of the workers, whose address the kernel limits to about 100 bytes."""

import os
import tempfile

from fedtrain.runner.errors import RunError

LONGEST_ADDRESS = 100
"""Bytes. Linux allows 107, macOS 103."""
_PREFIX = "fedtrain-"
_OF_ADDRESS = f"/{_PREFIX}12345678/workers"


def socket_folder() -> "tempfile.TemporaryDirectory[str]":
    """Return a new folder in the folder for temporary files, or in another one if that one's path is too long. Raises
    RunError if no other one can be written."""
    usual = tempfile.gettempdir()
    for root in (usual, os.environ.get("XDG_RUNTIME_DIR", ""), "/tmp"):
        short = len(os.fsencode(f"{root}{_OF_ADDRESS}")) <= LONGEST_ADDRESS
        if short and (root == usual or (root and os.access(root, os.W_OK | os.X_OK))):
            return tempfile.TemporaryDirectory(prefix=_PREFIX, dir=root, ignore_cleanup_errors=True)
    most = LONGEST_ADDRESS - len(_OF_ADDRESS)
    raise RunError(
        f"TMPDIR is {usual}, which is too long for the address of the workers' socket, and /tmp cannot be written. Set "
        f"TMPDIR to a folder whose path has at most {most} bytes"
    )
