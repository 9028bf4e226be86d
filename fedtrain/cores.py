"""Number of cores that this process may use."""

import os


def usable_cores() -> int:
    """Return the cores to which this process is bound, or all where the system does not say, such as on macOS."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
