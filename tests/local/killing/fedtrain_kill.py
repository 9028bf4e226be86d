"""Faults at named writes of the ledger, in whichever process is about to do them.

`sitecustomize.py` arms it in every Python process that has this folder on its PYTHONPATH. $FEDTRAIN_TEST_KILL is
`FAULT:REGEX` over ledger keys, several apart by blanks: the process is killed `before` or `after` the write, `hang`s
instead of it, finds the disk `full`, or writes something `corrupt`. $FEDTRAIN_TEST_KILLED names a file that is left for
each, with the fault's number, so that it happens once.
"""

import errno
import os
import re
import time
from pathlib import Path


def arm() -> None:
    from fedtrain.ledger.file_store import FileStore

    create = FileStore.create

    def faulty(self: FileStore, key: str, content: bytes | Path) -> bool:
        fault = _due(key)
        if fault == "after":
            create(self, key, content)
        if fault in ("before", "after"):
            os._exit(137)
        if fault == "hang":
            time.sleep(3600)
        if fault == "full":
            raise OSError(errno.ENOSPC, "No space left on device", key)
        if fault == "corrupt":
            whole = content if isinstance(content, bytes) else content.read_bytes()
            content = whole[:-1] + bytes([whole[-1] ^ 1])
        return create(self, key, content)

    FileStore.create = faulty


def _due(key: str) -> str:
    """The fault that is due at this write; each happens once."""
    for number, wanted in enumerate(os.environ.get("FEDTRAIN_TEST_KILL", "").split()):
        fault, _, pattern = wanted.partition(":")
        if re.search(pattern, key) is None:
            continue
        try:
            with Path(f"{os.environ['FEDTRAIN_TEST_KILLED']}.{number}").open("x") as file:
                file.write(key)
        except FileExistsError:
            continue
        return fault
    return ""
