"""The programs a whole cluster takes from the machine; on Debian and its kin, missing ones are installed."""

import os
import shutil
import subprocess
from pathlib import Path

from hack.cluster.chroots import complete_root

PACKAGES = {
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
    "iptables": "iptables",
    "ipset": "ipset",
    "conntrack": "conntrack",
    "busybox": "busybox-static",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "openssl": "openssl",
}
BUILDING = {"buildah": "buildah", "debootstrap": "debootstrap"}


class PackagesMissing(Exception):
    """This machine lacks programs and has no way to install them; the message says which packages have them."""


def need_packages(wanted: dict[str, str] = PACKAGES) -> None:
    """Install the programs and set up what they need of the machine.

    Raises:
        PackagesMissing: without root, or on a machine without apt-get.
    """
    if os.geteuid():
        raise PackagesMissing("A whole cluster needs root, for namespaces, mounts and containers: use sudo.")
    complete_root()
    missing = [package for program, package in wanted.items() if not _is_there(program)]
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise PackagesMissing(f"Install {', '.join(missing)} (so Debian calls them), and try again.")
    print(f"installing {', '.join(missing)}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-qq", "--yes", "--no-install-recommends", *missing]):
        done = subprocess.run(["apt-get", *command], env=environment, capture_output=True, text=True)
        if done.returncode:
            raise PackagesMissing(f"`apt-get {' '.join(command)}` failed:\n{done.stdout[-1000:]}{done.stderr[-2000:]}")


def _is_there(program: str) -> bool:
    return Path(program).exists() if program.startswith("/") else shutil.which(program) is not None
