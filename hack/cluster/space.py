"""Namespaces for one whole cluster on this machine: network, mounts, processes, and a place among the cgroups.

Clusters neither see each other's interfaces, mounts and processes nor leave any behind: whatever runs in a space dies
with its first process, and the kernel then takes down interfaces and mounts. Spaces meet on one bridge, where this
machine has an address too. All this needs root.
"""

import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from hack.cluster.cache import cache, locked
from hack.cluster.cgroups import kill_cgroup, make_cgroup, remove_cgroup
from hack.cluster.processes import ENDS_WITH_PARENT, Place, ProgramFailed, run

BRIDGE = "fedtrain0"
# For benchmarks of networks, by RFC 2544: no network that a machine is likely to be in.
MACHINE = "198.18.0.1"
FIRST_ADDRESS = 10
SPACES = 200

# The first process of a space: it waits for orphans, and its mounts hide the machine's folders from containerd and
# kubelet. Below /var are those whose places are fixed: the pods' networks, kubelet's certificate and the socket for
# devices, and links to logs. The machine keeps an empty folder of each, to mount on.
FIRST_PROCESS = """
mount -t tmpfs tmpfs /run
mkdir -p /run/netns
for folder in /var/lib/cni /var/lib/kubelet /var/log/containers; do
    mkdir -p $folder
    mount -t tmpfs tmpfs $folder
done
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
echo ready > "$1"
while :; do sleep 3600 & wait $!; done
"""


@dataclass(frozen=True)
class _Held:
    """What a file says of a space: the number of its first process, and its own among the spaces of this machine."""

    process: int
    number: int


class Space:
    """The namespaces of one cluster, from `start` to `stop`. A file in a folder holds what it takes to stop them."""

    def __init__(self, folder: Path, *, persistent: bool = False) -> None:
        """
        Args:
            folder: a folder for files of the space's own.
            persistent: whether the space stays when this process ends.
        """
        self._file = folder / "space.json"
        self._ready = folder / "space.ready"
        self._log = folder / "space.log"
        self._bound = () if persistent else ENDS_WITH_PARENT

    @property
    def place(self) -> Place:
        """The address of the space, and how to start a program there."""
        return Place(f"198.18.0.{FIRST_ADDRESS + self._held.number}", self.enter)

    @property
    def enter(self) -> tuple[str, ...]:
        """The command that a program's own command follows, to start it in the space."""
        return ("nsenter", "--target", str(self._held.process), "--mount", "--net", "--pid", "--root", "--wd", "--")

    @property
    def cgroup(self) -> str:
        """The cgroup of the space's pods, as kubelet names it."""
        return f"/{_link(self._held.number)}"

    def start(self) -> None:
        """Makes the namespaces, with the interface eth0 on the bridge.

        Raises:
            ProgramFailed: this machine does not allow it.
        """
        first = self._start_first_process()
        with locked(cache("clusters")):
            _make_bridge()
            number = next(number for number in range(SPACES) if not _interface(_link(number)).exists())
            run("ip", "link", "add", _link(number), "type", "veth", "peer", "name", "eth0", "netns", str(first))
            self._file.write_text(json.dumps(asdict(_Held(first, number))))
        run("ip", "link", "set", _link(number), "master", BRIDGE, "up")
        self.run("ip", "address", "add", f"{self.place.address}/24", "dev", "eth0")
        self.run("ip", "link", "set", "eth0", "up")
        self.run("ip", "route", "add", "default", "via", MACHINE)
        make_cgroup(self.cgroup)

    def stop(self) -> None:
        """Kills everything in the space, whichever process started it, and removes what it had on this machine."""
        if not self.is_running():
            return
        held = self._held
        with suppress(ProcessLookupError):
            os.kill(held.process, signal.SIGKILL)
        while self.is_running():
            time.sleep(0.01)
        remove_cgroup(self.cgroup)
        self._file.unlink()
        with locked(cache("clusters")):
            _remove_interface(_link(held.number))
            if not any(_interface(BRIDGE).glob("brif/*")):
                _remove_interface(BRIDGE)

    def is_running(self) -> bool:
        """Whether the space is there; after a restart of the machine its process's number may be another program's."""
        if self._file.exists():
            with suppress(OSError):
                command = Path(f"/proc/{self._held.process}/cmdline").read_bytes().split(b"\0")
                return str(self._ready).encode() in command
        return False

    def kill_pods(self) -> None:
        """Ends all processes of pods, at once."""
        kill_cgroup(self.cgroup)

    def run(self, *command: str | Path) -> str:
        """Runs a program in the space and gives back what it prints."""
        return run(*self.enter, *command)

    @property
    def _held(self) -> _Held:
        return _Held(**json.loads(self._file.read_text()))

    def _start_first_process(self) -> int:
        self._ready.unlink(missing_ok=True)
        unshare = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]
        shell = ["--propagation", "slave", "bash", "-ec", FIRST_PROCESS, "space", str(self._ready)]
        with self._log.open("wb") as log:
            holder = subprocess.Popen(
                [*self._bound, *unshare, *shell],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        while not self._ready.exists():
            if holder.poll() is not None:
                raise ProgramFailed(f"This machine does not allow namespaces: {self._log.read_text(errors='replace')}")
            time.sleep(0.01)
        return int(Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text())


def _link(number: int) -> str:
    """What a space's interface is called on this machine's side."""
    return f"fedtrain-{number}"


def _interface(name: str) -> Path:
    return Path("/sys/class/net") / name


def _remove_interface(name: str) -> None:
    """Removes an interface, if the end of its namespace hasn't done so by now."""
    subprocess.run(["ip", "link", "delete", name], capture_output=True)


def _make_bridge() -> None:
    if not _interface(BRIDGE).exists():
        run("ip", "link", "add", BRIDGE, "type", "bridge")
        run("ip", "address", "add", f"{MACHINE}/24", "dev", BRIDGE)
        run("ip", "link", "set", BRIDGE, "up")
