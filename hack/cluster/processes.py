"""Programs that a fixture starts, watches and kills, each with a log of its own."""

import os
import random
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hack.cluster.eventually import PATIENCE_SECONDS

LOOPBACK = "127.0.0.1"
# What makes the kernel kill a program as soon as the one that started it is gone.
ENDS_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL")


class ProgramFailed(Exception):
    """A program ended, or was not ready in time; the message carries the end of its log."""


@dataclass(frozen=True)
class Place:
    """Where programs run: on this machine's loopback, or in namespaces with an address of their own.

    Attributes:
        enter: the command that a program's own command follows, to start it there.
    """

    address: str = LOOPBACK
    enter: tuple[str, ...] = ()

    def port(self, usual: int) -> int:
        """The usual port of a server in namespaces, and a free one on this machine's loopback."""
        return usual if self.enter else free_port()


HERE = Place()


@dataclass(frozen=True)
class _Program:
    command: tuple[str, ...]
    environment: Mapping[str, str]
    ready: Callable[[], bool] | None


class Processes:
    """Child processes that start one by one and end together, with SIGKILL.

    They also end when this process dies, whatever kills it, or when their namespaces end: the kernel sees to that.
    """

    def __init__(self, logs: Path, place: Place = HERE) -> None:
        self.logs = logs
        self.place = place
        self._programs: dict[str, _Program] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        logs.mkdir(parents=True, exist_ok=True)

    def start(
        self,
        name: str,
        *command: str | Path,
        environment: Mapping[str, str] | None = None,
        ready: Callable[[], bool] | None = None,
    ) -> None:
        """Starts a program whose output goes to `<logs>/<name>.log`, and waits until it is ready.

        Raises:
            ProgramFailed: it ended, or it isn't ready in time.
        """
        self._programs[name] = _Program(tuple(map(str, command)), {**os.environ, **(environment or {})}, ready)
        self.restart(name)

    def restart(self, name: str) -> None:
        """Starts a program again as it was started first, after killing it where it still runs."""
        if name in self._running:
            self.kill(name)
        program = self._programs[name]
        with self.log_of(name).open("ab") as log:
            self._running[name] = subprocess.Popen(
                [*(self.place.enter or ENDS_WITH_PARENT), *program.command],
                env=program.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if program.ready:
            self._wait_until(name, program.ready)

    def runs(self, name: str) -> bool:
        return name in self._running and self._running[name].poll() is None

    def kill(self, *names: str) -> None:
        """Kills the named programs, or all of them, and waits until they are gone."""
        for name in names or tuple(self._running):
            process = self._running.pop(name)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def log_of(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def _wait_until(self, name: str, ready: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not ready():
            code = self._running[name].poll()
            if code is not None:
                raise ProgramFailed(f"{name} ended with {code}:\n{self._end_of_log(name)}")
            if time.monotonic() > until:
                raise ProgramFailed(f"{name} isn't ready after {PATIENCE_SECONDS:.0f} s:\n{self._end_of_log(name)}")
            time.sleep(0.2)

    def _end_of_log(self, name: str) -> str:
        return self.log_of(name).read_text(errors="replace")[-4000:]


def run(*command: str | Path, environment: Mapping[str, str] | None = None) -> str:
    """What a command prints, once it has ended; `environment` comes on top of this process's.

    Raises:
        ProgramFailed: it isn't there, or ended with an error.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, env={**os.environ, **(environment or {})}, capture_output=True, text=True)
    except FileNotFoundError as missing:
        raise ProgramFailed(f"{words[0]} is not installed on this machine.") from missing
    if done.returncode:
        raise ProgramFailed(f"`{' '.join(words)}` failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout


def is_alive(process: str) -> bool:
    """Whether there is a process of this number."""
    return Path(f"/proc/{process}").exists()


def free_port() -> int:
    """A port on which no program listens, and that no outgoing connection will take before it is used."""
    lowest_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(10_000, max(lowest_outgoing, 20_000))
        with socket.socket() as attempt, suppress(OSError):
            attempt.bind((LOOPBACK, port))
            return port


def answers(url: str, authority: Path | None = None, token: str = "") -> bool:
    """Whether a server answers a GET with 200, as health endpoints do once their server is ready."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        trust = ssl.create_default_context(cafile=str(authority)) if authority else None
        with urllib.request.urlopen(request, timeout=5, context=trust) as answer:
            return answer.status == 200
    except OSError:
        return False
