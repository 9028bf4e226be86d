"""Coordinators of one run that know of each other: each keeps a record in the run's telemetry while it works.

Two coordinators never harm a run, since the first writer of each record wins, but both train everything. The records
also protect a run that is being worked on from `fedtrain delete`. A record of a process that died stays behind: on the
same machine the process id shows it, elsewhere a counter that no longer changes. Machines and containers may have the
same host name, and after a restart process ids begin again.
"""

import contextlib
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from fedtrain.contracts import names
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import StoreError

FOLDER = "coordinators"
BEAT_SECONDS = 5.0
"""Between two writes of a record."""
_STALE_SECONDS = 60.0
"""Age of a record of another machine that no process writes any more. Clocks of two machines may differ a little."""
_CLOSE_SECONDS = 3.0


@dataclass(frozen=True)
class Coordinating:
    """A process that works on a run. `started`: its start time in the kernel's ticks, which tells it from a later
    process with the same id; empty where the kernel does not say. `machine`: tells machines and containers with the
    same host name apart; empty likewise. `beat`: grows while it works."""

    id: str
    host: str
    pid: int
    started: str
    machine: str = ""
    beat: int = 0

    @property
    def text(self) -> str:
        """`process 123 on host`."""
        return f"process {self.pid} on {self.host}"


def this_process() -> Coordinating:
    own = os.getpid()
    return Coordinating(uuid.uuid4().hex, socket.gethostname(), own, _start_time(own) or "", _machine())


def coordinators(ledger: Ledger) -> dict[str, Coordinating]:
    """Return the records by id, those of dead processes included. Raises StoreError."""
    found: dict[str, Coordinating] = {}
    for name in ledger.names(names.telemetry(f"{FOLDER}/")):
        with contextlib.suppress(ValueError, TypeError, StoreError):
            plain: Any = json.loads(ledger.content(name))
            one = Coordinating(
                id=str(plain["id"]),
                host=str(plain["host"]),
                pid=int(plain["pid"]),
                started=str(plain["started"]),
                machine=str(plain.get("machine", "")),
                beat=int(plain["beat"]),
            )
            found[one.id] = one
    return found


def working(ledger: Ledger, wait: Callable[[float], object]) -> list[Coordinating]:
    """Return the coordinators that work on a run. `wait` sleeps the given seconds; it is called once if a record was
    written on another host. Raises StoreError."""
    before = coordinators(ledger)
    found = [one for one in before.values() if is_alive_here(one)]
    if elsewhere := {one.id: one for one in before.values() if not _is_here(one)}:
        wait(2 * BEAT_SECONDS)
        after = coordinators(ledger)
        found += [after[key] for key, one in elsewhere.items() if key in after and after[key].beat != one.beat]
    return found


def may_be_working(ledger: Ledger) -> bool:
    """Whether a coordinator seems to work on a run, without waiting: a record of another host counts while it is new.
    Raises StoreError."""
    return any(
        is_alive_here(one) or (not _is_here(one) and _is_new(ledger, one)) for one in coordinators(ledger).values()
    )


def is_alive_here(one: Coordinating) -> bool:
    """Whether the process is of this host and runs."""
    return _is_here(one) and (started := _start_time(one.pid)) is not None and started == one.started


class Presence:
    """The record of this process, and the other coordinators of its run. Refusals of the ledger
    are ignored."""

    def __init__(self, ledger: Ledger, me: Coordinating, interval: float = BEAT_SECONDS) -> None:
        self._ledger = ledger
        self._me = me
        self._interval = interval
        self._before: Mapping[str, Coordinating] = {}
        self._known: set[str] = set()
        self._new: list[Coordinating] = []
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self.beat()
        self._thread.start()

    def appeared(self) -> list[Coordinating]:
        """Return other coordinators that work on the run and were not returned before."""
        with self._lock:
            found, self._new = self._new, []
            return found

    def close(self) -> None:
        """Delete the record of this process. A store that does not answer in time keeps it."""
        self._stopped.set()
        self._thread.join(_CLOSE_SECONDS)

    def beat(self) -> None:
        """Write the record of this process and read the others; delete those of dead processes of this machine, and
        those that were old when they were first seen: a process that works writes its record again."""
        self._me = replace(self._me, beat=self._me.beat + 1)
        self._ledger.put_telemetry(_path(self._me), json.dumps(asdict(self._me)).encode())
        with contextlib.suppress(StoreError):
            found = coordinators(self._ledger)
            for one in found.values():
                if one.id == self._me.id:
                    continue
                first = one.id not in self._before
                if not is_alive_here(one) and (_is_here(one) or (first and not _is_new(self._ledger, one))):
                    self._ledger.delete(_name(one))
                elif is_alive_here(one) or self._has_moved(one):
                    self._report(one)
            self._before = found

    def _has_moved(self, one: Coordinating) -> bool:
        return one.id in self._before and self._before[one.id].beat != one.beat

    def _report(self, one: Coordinating) -> None:
        with self._lock:
            if one.id not in self._known:
                self._known.add(one.id)
                self._new.append(one)

    def _beat(self) -> None:
        while not self._stopped.wait(self._interval):
            self.beat()
        with contextlib.suppress(StoreError):
            self._ledger.delete(_name(self._me))


def _is_here(one: Coordinating) -> bool:
    return (one.host, one.machine) == (socket.gethostname(), _machine())


def _is_new(ledger: Ledger, one: Coordinating) -> bool:
    written = ledger.store.modified(f"{ledger.namespace}/{ledger.name}/{_name(one)}")
    return written is None or time.time() - written < _STALE_SECONDS


def _path(one: Coordinating) -> str:
    return f"{FOLDER}/{one.id}.json"


def _name(one: Coordinating) -> str:
    return names.telemetry(_path(one))


@cache
def _machine() -> str:
    """Return what identifies this start of the machine and the namespace of its process ids; empty where the kernel
    does not say."""
    try:
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _start_time(pid: int) -> str | None:
    """Return the start time of a process; empty if the kernel does not say, None if it does not exist."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:  # of another user
        pass
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "" if not Path("/proc").is_dir() else None
