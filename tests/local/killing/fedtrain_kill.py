"""Faults at one named write of the ledger, in whichever process is about to do it.

`sitecustomize.py` arms it in every Python process that has this folder on its PYTHONPATH. $FEDTRAIN_TEST_KILL is
`FAULT:REGEX` over ledger keys: the process is killed `before` or `after` the write, `hang`s instead of it, or finds the
disk `full`. $FEDTRAIN_TEST_KILLED names a file that is left, so that it happens once.
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
        fault, _, pattern = os.environ.get("FEDTRAIN_TEST_KILL", "").partition(":")
        if not pattern or re.search(pattern, key) is None:
            return create(self, key, content)
        won = create(self, key, content) if fault == "after" else False
        if _first_time(key):
            if fault == "hang":
                time.sleep(3600)
            if fault == "full":
                raise OSError(errno.ENOSPC, "No space left on device", key)
            os._exit(137)
        return won if fault == "after" else create(self, key, content)

    FileStore.create = faulty


def _first_time(key: str) -> bool:
    try:
        with Path(os.environ["FEDTRAIN_TEST_KILLED"]).open("x") as file:
            file.write(key)
    except FileExistsError:
        return False
    return True
