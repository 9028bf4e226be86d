"""Kills whichever process is about to write, or has just written, one named object of the ledger.

`sitecustomize.py` arms it in every Python process that has this folder on its PYTHONPATH. $FEDTRAIN_TEST_KILL is `before|after:REGEX` over
ledger keys; $FEDTRAIN_TEST_KILLED names a file that the killed process leaves, so that it happens once.
"""

import os
import re
from pathlib import Path


def arm() -> None:
    from fedtrain.ledger.file_store import FileStore

    create = FileStore.create

    def killing(self: FileStore, key: str, content: bytes | Path) -> bool:
        when, _, pattern = os.environ.get("FEDTRAIN_TEST_KILL", "").partition(":")
        meant = bool(pattern) and re.search(pattern, key) is not None
        if meant and when == "before":
            _die_once(key)
        won = create(self, key, content)
        if meant and when == "after":
            _die_once(key)
        return won

    FileStore.create = killing


def _die_once(key: str) -> None:
    try:
        with Path(os.environ["FEDTRAIN_TEST_KILLED"]).open("x") as file:
            file.write(key)
    except FileExistsError:
        return
    os._exit(137)
