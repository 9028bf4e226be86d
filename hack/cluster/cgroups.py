"""The cgroup of a cluster's pods: one folder in cgroup v2, and one for each controller in v1. All this needs root."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

CONTROLLERS = ("cpu", "cpuset", "io", "memory", "pids")


def make_cgroup(name: str) -> None:
    for folder in _folders(name):
        _make(folder)


def remove_cgroup(name: str) -> None:
    """Removes the cgroup and those in it; the kernel may need a moment to notice that their processes are gone."""
    for folder in _folders(name):
        if folder.exists():
            inner = sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True)
            for path in [*inner, folder]:
                _patiently(path.rmdir, path.exists)


def kill_cgroup(name: str) -> None:
    """Ends all processes in the cgroup, and in those in it."""
    for folder in _folders(name):
        for processes in folder.rglob("cgroup.procs"):
            for process in processes.read_text().split():
                with suppress(ProcessLookupError):
                    os.kill(int(process), signal.SIGKILL)


def _mounted() -> list[Path]:
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return [Path(mount[1]) for mount in mounts if mount[2] in ("cgroup", "cgroup2")]


def _folders(name: str) -> list[Path]:
    return [mounted / name.strip("/") for mounted in _mounted()]


def _make(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    controllers = folder.parent / "cgroup.controllers"
    if controllers.exists():
        # In v2 a cgroup's controllers have to be passed on to those inside.
        wanted = " ".join(f"+{name}" for name in controllers.read_text().split() if name in CONTROLLERS)
        for parent in (folder.parent, folder):
            (parent / "cgroup.subtree_control").write_text(wanted)
    elif (folder / "cpuset.cpus").exists():
        # In v1 a cpuset starts empty, and nothing can run in it.
        for name in ("cpuset.cpus", "cpuset.mems"):
            (folder / name).write_text((folder.parent / name).read_text())


def _patiently(act: Callable[[], object], needed: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while needed():
        try:
            act()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
