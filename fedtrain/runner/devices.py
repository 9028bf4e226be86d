"""CPU cores and GPUs of this machine, found without importing torch."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass

from fedtrain.cores import usable_cores


@dataclass(frozen=True)
class Devices:
    """`cores`: number that this process may use. `gpus`: index or UUID of each, as CUDA_VISIBLE_DEVICES takes it."""

    cores: int
    gpus: tuple[str, ...]


def find_devices() -> Devices:
    installed = _installed()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return Devices(usable_cores(), (installed or ()) if visible is None else _visible(visible, installed))


def _installed() -> tuple[str, ...] | None:
    """Return the indices of the installed GPUs; None if nvidia-smi cannot list them."""
    if shutil.which("nvidia-smi") is None:
        return None
    listed = subprocess.run(
        ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"], capture_output=True, text=True, check=False
    )
    return tuple(listed.stdout.split()) if listed.returncode == 0 else None


def _visible(value: str, installed: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the GPUs that CUDA sees: the entries before the first invalid one, and none if an entry repeats. The
    first entry decides whether all are indices, `GPU-` UUIDs or `MIG-` UUIDs."""
    entries = [entry.strip() for entry in value.split(",")]
    pattern = next((kind for kind in (r"GPU-.+", r"MIG-.+") if re.fullmatch(kind, entries[0])), r"[0-9]+")
    valid: list[str] = []
    for entry in entries:
        is_missing = entry.isdecimal() and installed is not None and int(entry) >= len(installed)
        if not re.fullmatch(pattern, entry) or is_missing:
            break
        valid.append(entry)
    return tuple(valid) if len(set(valid)) == len(valid) else ()
