"""Faults at named writes of the ledger, in whichever process is about to do them.

$FEDTRAIN_TEST_KILL is `FAULT:REGEX` over names in the ledger, several apart by blanks. $FEDTRAIN_TEST_KILLED names a
file that is left for each, with the fault's number, so that it happens once. Around a write:

    before, after   the process is killed
    hang            nothing is written, for an hour
    late            nothing is written until there is a file `$FEDTRAIN_TEST_KILLED.go`
    full            the disk of the ledger is full
    broken, refuse  an error that may pass when tried again; one that does not
    corrupt         one bit of what is written is another
    missing, short  nothing is written, or half of it, and the process continues as if it were
    nan, huge, odd  an update is written that holds NaN, or 10,000s, or a transposed tensor; its record is right
"""

import errno
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

from fedtrain.contracts.record_fields import Digest
from fedtrain.ledger.file_errors import explain
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.presigned_requests import Choose
from fedtrain.ledger.presigned_store import PresignedTaskStore
from fedtrain.ledger.store import ObjectStore

POISONS = ("nan", "huge", "odd")
Create = Callable[[str, bytes | Path], bool]


def arm() -> None:
    """All ledgers that this process opens from now on."""
    opened, put_file = Ledger.__init__, Ledger.put_file

    def open_faulty(self: Ledger, store: ObjectStore, namespace: str, name: str) -> None:
        store.create = _faulty(store.create)  # pyright: ignore[reportAttributeAccessIssue]
        opened(self, store, namespace, name)

    def put_poisoned(self: Ledger, name: str, path: Path) -> tuple[Digest, int]:
        poison = due(name, *POISONS)
        if poison:
            _poison(path, poison)
        return put_file(self, name, path)

    Ledger.__init__, Ledger.put_file = open_faulty, put_poisoned
    _arm_signed_requests()


def _arm_signed_requests() -> None:
    """All writes of tasks that have signed requests instead of keys. Records are written to their incoming names."""
    create, put_update = PresignedTaskStore.create, PresignedTaskStore.put_update

    def create_faulty(
        self: PresignedTaskStore, name: str, content: bytes, choose: Choose, outage_seconds: float | None = None
    ) -> bool:
        def write(key: str, sent: bytes | Path) -> bool:
            assert isinstance(sent, bytes)
            if len(sent) != len(content):  # the server refuses any other size than the signed one
                return True
            return create(self, key, sent, choose, outage_seconds)

        return _faulty(write)(name, content)

    def put_poisoned(self: PresignedTaskStore, path: Path) -> tuple[str, Digest, int]:
        update = self.grant().update
        poison = due(update.name if update else "", *POISONS)
        if poison:
            _poison(path, poison)
        return put_update(self, path)

    PresignedTaskStore.create, PresignedTaskStore.put_update = create_faulty, put_poisoned


def due(name: str, *among: str) -> str:
    """The fault, one of `among`, that is due at the write of `name`; each happens once."""
    for number, wanted in enumerate(os.environ.get("FEDTRAIN_TEST_KILL", "").split()):
        fault, _, pattern = wanted.partition(":")
        if fault not in among or re.search(pattern, name) is None:
            continue
        try:
            with Path(f"{os.environ['FEDTRAIN_TEST_KILLED']}.{number}").open("x") as file:
                file.write(name)
        except FileExistsError:
            continue
        return fault
    return ""


def _faulty(create: Create) -> Create:
    def faulty(key: str, content: bytes | Path) -> bool:
        fault = due(key, "before", "after", "hang", "late", "full", "broken", "refuse", "corrupt", "missing", "short")
        whole = content if isinstance(content, bytes) else content.read_bytes() if fault else b""
        match fault:
            case "before":
                os._exit(137)
            case "after":
                create(key, content)
                os._exit(137)
            case "hang":
                time.sleep(3600)
            case "late":
                while not Path(f"{os.environ['FEDTRAIN_TEST_KILLED']}.go").exists():
                    time.sleep(0.05)
            case "full":
                full = OSError(errno.ENOSPC, "No space left on device")
                raise explain(full, Path("/full"), Path("/full") / key) from full
            case "broken":
                raise OSError(errno.EIO, "Input/output error", key)
            case "refuse":
                raise ValueError(f"refused to write {key}")
            case "corrupt":
                return create(key, whole[:-1] + bytes([whole[-1] ^ 1]))
            case "missing":
                return True
            case "short":
                return create(key, whole[: len(whole) // 2])
            case _:
                pass
        return create(key, content)

    return faulty


def _poison(path: Path, poison: str) -> None:
    import numpy as np
    from safetensors.numpy import load_file, save_file

    tensors = load_file(path)
    first = min(tensors)
    match poison:
        case "nan":
            tensors[first].flat[0] = np.nan
        case "huge":
            tensors = {name: np.full_like(tensor, 1e4) for name, tensor in tensors.items()}
        case _:
            tensors[first] = np.ascontiguousarray(tensors[first].T)
    save_file(tensors, path, metadata={"format": "pt"})
