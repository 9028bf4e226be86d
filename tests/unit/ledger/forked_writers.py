"""Writers in processes of their own, and the temporary files that they leave in a folder."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from fedtrain.ledger.store import StoreError
from fedtrain.ledger.temporary import FOLDER

FORK = multiprocessing.get_context("fork")


def in_a_process(act: Callable[[], object]) -> str:
    """What a child process that runs `act` says: its result, or its StoreError; 'killed' if it died."""

    def run(end: Connection) -> None:
        try:
            end.send(str(act()))
        except StoreError as error:
            end.send(str(error))

    mine, its = FORK.Pipe()
    child = FORK.Process(target=run, args=(its,))
    child.start()
    its.close()
    try:
        return mine.recv()
    except EOFError:
        return "killed"
    finally:
        child.join()


def leftovers(root: Path) -> list[Path]:
    return sorted((root / FOLDER).iterdir()) if (root / FOLDER).exists() else []
