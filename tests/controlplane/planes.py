"""The control planes of tests, of which several stand beside each other on few cores."""

from pathlib import Path

from hack.cluster.control_plane import ControlPlane

_CONTROLLERS = [
    f"{name}-controller"
    for name in (
        "clusterrole-aggregation",
        "garbage-collector",
        "job",
        "namespace",
        "resourcequota",
        "root-ca-certificate-publisher",
        "serviceaccount",
        "serviceaccount-token",
        "ttl-after-finished",
        "validatingadmissionpolicy-status",
    )
]
"""Those that have work where no pod runs. The others would watch sixty kinds of objects."""


def plane_in(folder: Path) -> ControlPlane:
    """Without the queues that protect an API server from too many clients: they take a tenth of its time."""
    return ControlPlane(folder, flags=["--enable-priority-and-fairness=false"], controllers=_CONTROLLERS)
