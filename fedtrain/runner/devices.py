"""What this machine has to train on. Asked without importing torch."""

import os
import shutil
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True)
class Devices:
    """`cores`: those this process may use. `gpus`: what CUDA_VISIBLE_DEVICES calls them."""

    cores: int
    gpus: tuple[str, ...]


def find_devices() -> Devices:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return Devices(cores, tuple(name for name in visible.split(",") if name))
    if shutil.which("nvidia-smi") is None:
        return Devices(cores, ())
    listed = subprocess.run(
        ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"], capture_output=True, text=True, check=False
    )
    return Devices(cores, tuple(listed.stdout.split()) if listed.returncode == 0 else ())
