"""The control planes of tests, of which several stand beside each other on few cores."""

from pathlib import Path

from hack.cluster.control_plane import ControlPlane


def plane_in(folder: Path) -> ControlPlane:
    """Without the queues that protect an API server from too many clients: they take a tenth of its time."""
    return ControlPlane(folder, flags=["--enable-priority-and-fairness=false"])
