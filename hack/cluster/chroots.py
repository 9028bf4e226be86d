"""What a chroot lacks of a machine's root, and containers need: a root that is a mount, /sys, and cgroups."""

import ctypes
import os
import subprocess
import tempfile
from pathlib import Path

CLONE_NEWNS = 0x20000
CGROUPS = Path("/sys/fs/cgroup")


def complete_root() -> None:
    """Makes up for what is missing, for this process and those it starts; on most machines nothing is."""
    mounts = {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()}
    if "/" not in mounts:
        _make_root_a_mount()
    if not CGROUPS.exists():
        _mount("sysfs", Path("/sys"))
    if not any(Path(mount).is_relative_to(CGROUPS) for mount in mounts):
        _mount_cgroups()


def _make_root_a_mount() -> None:
    """Programs that make mounts of their own, as runc and buildah do, first say that the root's stay theirs."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "This process may not have mounts of its own")
    folder, here = tempfile.mkdtemp(prefix="root-"), Path.cwd()
    subprocess.run(["mount", "--rbind", "/", folder], check=True)
    os.chroot(folder)
    os.chdir(here)


def _mount_cgroups() -> None:
    lines = [line.split(":") for line in Path("/proc/self/cgroup").read_text().splitlines()]
    controllers = [names for number, names, _ in lines if number != "0"]
    if not controllers:
        _mount("cgroup2", CGROUPS)
        return
    _mount("tmpfs", CGROUPS)
    for names in controllers:
        folder = CGROUPS / names.removeprefix("name=")
        folder.mkdir()
        _mount("cgroup", folder, "-o", f"none,{names}" if names.startswith("name=") else names)


def _mount(kind: str, folder: Path, *options: str) -> None:
    subprocess.run(["mount", "-t", kind, *options, kind, str(folder)], check=True)
