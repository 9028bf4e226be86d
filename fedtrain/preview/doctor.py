"""What this machine has, and what a federation file would run on it."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import cache_from_source, find_spec
from pathlib import Path
from typing import Any, Literal

from fedtrain import __version__
from fedtrain.api.paths import show
from fedtrain.api.places import base_kind
from fedtrain.api.reading.federation import Federation
from fedtrain.data.hub_cache import cached_folder, fetch_elsewhere, why_unreachable
from fedtrain.ledger.open import open_store
from fedtrain.ledger.probe import probe
from fedtrain.ledger.store import StoreError
from fedtrain.plurals import several
from fedtrain.preview.gpu_check import gpu_errors, gpu_warnings
from fedtrain.runner.bindings import storage_of
from fedtrain.runner.devices import Devices, find_devices
from fedtrain.runner.run import default_parallel

PACKAGES = ("torch", "transformers", "peft", "accelerate", "datasets")
"""Packages that training on this machine needs."""
GIB = 2**30
LOW_DISK = 10 * GIB


@dataclass(frozen=True)
class Finding:
    """One line. `fix`: what to do about a warning or a problem; empty if the state is `OK`, or if
    `text` says it."""

    name: str
    state: Literal["OK", "Warning", "Problem"]
    text: str
    fix: str = ""


@dataclass(frozen=True)
class Examination:
    findings: tuple[Finding, ...]


def examine(federation: Federation | None, devices: Callable[[], Devices] = find_devices) -> Examination:
    """Look at this machine; with a federation also at its store and at what it asks for. The store is written to and
    cleaned up (`fedtrain.ledger.probe`)."""
    here = devices()
    folder = _folder_of_runs(federation)
    found = [_versions(), _packages(), *_compute(here), _disk(folder), _hugging_face(federation)]
    if federation is not None:
        found += [_store(federation), *_would_run(federation, here)]
    return Examination(tuple(found))


def _versions() -> Finding:
    text = f"fedtrain {__version__}, Python {platform.python_version()}, {platform.system()} {platform.release()}"
    return Finding("versions", "OK", text)


def _packages() -> Finding:
    found: list[str] = []
    missing: list[str] = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        text = f"{', '.join(missing)} not installed, so nothing can be trained on this machine"
        return Finding("packages", "Problem", text, "Run `pip install 'fedtrain[local]'`.")
    if _is_compiled_each_time():
        text = f"{', '.join(found)}; Python compiles them in each process, which takes several seconds each time"
        return Finding("packages", "Warning", text, "Run `unset PYTHONDONTWRITEBYTECODE`.")
    return Finding("packages", "OK", ", ".join(found))


def _is_compiled_each_time() -> bool:
    """Whether Python may not write bytecode, as in many container images, and that of PyTorch is not there."""
    found = find_spec("torch") if sys.dont_write_bytecode else None
    return found is not None and found.origin is not None and not Path(cache_from_source(found.origin)).exists()


def _compute(here: Devices) -> Iterator[Finding]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    yield Finding("CPU", "OK", f"{several(here.cores, 'core')}, {memory / GIB:.0f} GiB memory")
    listed = _gpus()
    if listed is None:
        yield Finding("GPU", "OK", "none: nvidia-smi is not installed. Training uses the CPU")
    elif not listed:
        text = "nvidia-smi lists no GPU, so training uses the CPU"
        yield Finding("GPU", "Warning", text, "Run `nvidia-smi` and fix the driver, or pass the GPU to the container.")
    elif not here.gpus:
        text = f"{len(listed)} installed, but CUDA_VISIBLE_DEVICES={os.environ.get('CUDA_VISIBLE_DEVICES')} hides them"
        yield Finding("GPU", "Warning", text, "Unset CUDA_VISIBLE_DEVICES to train on them.")
    else:
        yield Finding("GPU", "OK", f"{len(here.gpus)} usable; " + "; ".join(listed))


def _gpus() -> list[str] | None:
    """Name, memory and driver of each GPU; None without nvidia-smi."""
    if shutil.which("nvidia-smi") is None:
        return None
    command = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    rows = (line.split(", ") for line in done.stdout.splitlines() if line.count(", ") == 2)
    return [f"{name}, {memory}, driver {driver}" for name, memory, driver in rows] if done.returncode == 0 else []


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    text = f"{free / GIB:.0f} GiB free in {folder}"
    if free < LOW_DISK:
        fix = "Free space: base models, adapters and every round's updates are stored on disk."
        return Finding("disk", "Warning", text, fix)
    return Finding("disk", "OK", text)


def _hugging_face(federation: Federation | None) -> Finding:
    try:
        reason = why_unreachable()
    except ImportError:
        return Finding(
            "huggingface", "Warning", "huggingface_hub is not installed", "Run `pip install 'fedtrain[local]'`."
        )
    model = federation.training.spec.model if federation is not None else None
    needed = model is not None and federation is not None and base_kind(model.base, federation.path.parent) == "Hub"
    if reason is None:
        reached = "Hugging Face accepts connections"
        if needed and model is not None and cached_folder(model.base, model.revision) is None:
            reached += f"; {model.base} is not in the cache of this machine, so the run downloads it"
        return Finding("huggingface", "OK", reached)
    if model is None:
        return Finding("huggingface", "Warning", reason, "Use a base model in a folder or a bucket.")
    if not needed:
        return Finding("huggingface", "OK", f"{reason}; {model.base} does not need it")
    if cached_folder(model.base, model.revision) is not None:
        return Finding("huggingface", "OK", f"{reason}; {model.base} is in the cache of this machine")
    fix = f"{fetch_elsewhere(model.base, model.revision)}."
    return Finding("huggingface", "Problem", f"{reason}, and {model.base} is not in the cache of this machine", fix)


def _store(federation: Federation) -> Finding:
    storage = storage_of(federation)
    try:
        store = open_store(storage, reading=True)
        probe(store)
    except StoreError as error:  # says what to do
        return Finding("store", "Problem", str(error))
    except OSError as error:
        return Finding("store", "Problem", str(error), "Correct `storage.file.path`.")
    return Finding("store", "OK", f"{store.url} is reachable, and creates are atomic")


def _would_run(federation: Federation, here: Devices) -> Iterator[Finding]:
    from fedtrain.preview.rounds_below_minimum import played_with_data, rounds_not_trained

    spec = federation.training.spec
    errors = [*gpu_errors(federation, lambda: here), *rounds_not_trained(federation, played_with_data(federation))]
    for error in errors:
        yield Finding("would run", "Problem", f"{show(error.path)}: {error.message.removesuffix('.')}", error.fix)
    workers = default_parallel(len(spec.participants), here)
    place = several(len(here.gpus), "GPU") if here.gpus else "the CPU"
    text = f"{several(len(spec.participants), 'participant')}, {workers} at a time on {place}"
    if not errors:
        yield Finding("would run", "OK", text)
    for warning in gpu_warnings(federation, here):
        yield Finding("would run", "Warning", warning.rstrip("."), "Run it on a cluster, or ask for fewer GPUs.")


def _folder_of_runs(federation: Federation | None) -> Path:
    """The existing folder that holds the runs, or would hold them."""
    file: Any = storage_of(federation).file if federation is not None else None
    folder = Path(file.path) if file is not None else Path.cwd()
    return next(path for path in (folder, *folder.parents) if path.is_dir())
