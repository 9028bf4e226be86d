"""Namespaces for one whole cluster on this machine: network, mounts, processes, and a place among the cgroups.

Clusters neither see each other's interfaces, mounts and processes nor leave any behind: whatever runs in a space dies
with its first process, and the kernel then takes down interfaces and mounts. Spaces meet on one bridge, where this
machine has an address too. All this needs root.
"""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from tests.clusters.processes import LEASH, Place

BRIDGE = "fedtrain0"
# For benchmarks of networks, by RFC 2544: no network that a machine is likely to be in.
MACHINE = "198.18.0.1"
CONTROLLERS = ("cpu", "cpuset", "io", "memory", "pids")

# The first process of a space: it waits for orphans, and its mounts hide the machine's from containerd and kubelet.
FIRST_PROCESS = """
mount -t tmpfs tmpfs /run
mkdir -p /run/netns /var/log/containers
mount -t tmpfs tmpfs /var/log/containers
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
echo ready > "$1"
while :; do sleep 3600 & wait $!; done
"""


class Space:
    """The namespaces of one cluster, from `start` to `stop`.

    Attributes:
        place: the address in the space, and how to start a program there.
        cgroup: the cgroup of its pods, as kubelet names it.
    """

    def __init__(self, number: int, folder: Path, *, leashed: bool = True) -> None:
        """
        Args:
            number: 0 to 199, different for every cluster of this machine.
            folder: a folder for a file of the space's own.
            leashed: whether the space dies with this process.
        """
        self.number = number
        self.cgroup = f"/fedtrain-{number}"
        self._link = f"fedtrain-{number}"
        self._address = f"198.18.0.{10 + number}"
        self._holder = folder / "space.pid"
        self._ready = folder / "space.ready"
        self._leash = LEASH if leashed else ()

    @property
    def place(self) -> Place:
        return Place(self._address, self.enter)

    @property
    def enter(self) -> tuple[str, ...]:
        first = self._holder.read_text().strip()
        return ("nsenter", "--target", first, "--mount", "--net", "--pid", "--")

    def start(self) -> None:
        """Makes the namespaces, with the interface eth0 on the bridge.

        Raises:
            RuntimeError: this machine doesn't let us, or there is a cluster of this number already.
        """
        if Path(f"/sys/class/net/{self._link}").exists():
            raise RuntimeError(f"There is a cluster number {self.number} on this machine already; take another number.")
        _make_bridge()
        self._ready.unlink(missing_ok=True)
        unshare = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]
        shell = ["--propagation", "slave", "bash", "-ec", FIRST_PROCESS, "space", str(self._ready)]
        log = self._holder.with_suffix(".log")
        with log.open("wb") as output:
            command = [*self._leash, *unshare, *shell]
            holder = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        while not self._ready.exists():
            if holder.poll() is not None:
                raise RuntimeError(f"This machine lets us make no namespaces: {log.read_text(errors='replace')}")
            time.sleep(0.01)
        first = Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text().strip()
        self._holder.write_text(first)
        _run("ip", "link", "add", self._link, "type", "veth", "peer", "name", "eth0", "netns", first)
        _run("ip", "link", "set", self._link, "master", BRIDGE, "up")
        self.run("ip", "address", "add", f"{self._address}/24", "dev", "eth0")
        self.run("ip", "link", "set", "eth0", "up")
        self.run("ip", "route", "add", "default", "via", MACHINE)
        for folder in _cgroup_folders(self.cgroup):
            _make_cgroup(folder)

    def stop(self) -> None:
        """Kills everything in the space, whichever process started it, and removes what it had on this machine."""
        first = self._first_process()
        if first:
            with suppress(ProcessLookupError):
                os.kill(first, signal.SIGKILL)
            while self._first_process():
                time.sleep(0.01)
        self._holder.unlink(missing_ok=True)
        for folder in _cgroup_folders(self.cgroup):
            _remove_cgroup(folder)

    def is_running(self) -> bool:
        return self._first_process() is not None

    def disconnect(self) -> None:
        """Parts the space from this machine and from the other spaces, as a cut cable would."""
        _run("ip", "link", "set", self._link, "down")

    def connect(self) -> None:
        _run("ip", "link", "set", self._link, "up")

    def _first_process(self) -> int | None:
        """The process that holds the space; after a restart of the machine its number may be another program's."""
        if not self._holder.exists():
            return None
        number = int(self._holder.read_text())
        with suppress(OSError):
            command = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
            if str(self._ready).encode() in command:
                return number
        return None

    def run(self, *command: str | Path) -> str:
        """Runs a program in the space and gives back what it prints."""
        return _run(*self.enter, *command)


def _make_bridge() -> None:
    if Path(f"/sys/class/net/{BRIDGE}").exists():
        return
    _run("ip", "link", "add", BRIDGE, "type", "bridge")
    _run("ip", "address", "add", f"{MACHINE}/24", "dev", BRIDGE)
    _run("ip", "link", "set", BRIDGE, "up")


def _cgroup_folders(name: str) -> list[Path]:
    """The folder of a cgroup in every hierarchy: there is one in cgroup v2, and one for each controller in v1."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return [Path(mount[1]) / name.strip("/") for mount in mounts if mount[2] in ("cgroup", "cgroup2")]


def _make_cgroup(folder: Path) -> None:
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


def _remove_cgroup(folder: Path) -> None:
    """Removes a cgroup and those in it; the kernel may need a moment to notice that their processes are gone."""
    if not folder.exists():
        return
    until = time.monotonic() + 10
    for inner in [*sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True), folder]:
        while inner.exists():
            try:
                inner.rmdir()
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)


def _run(*command: str | Path) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"`{' '.join(map(str, command))}` failed: {done.stdout}{done.stderr}")
    return done.stdout
