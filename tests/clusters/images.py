"""Container images without a registry or an engine, and containerd's store with all of them unpacked.

The store is filled once, and every cluster starts with a copy of it made of hard links: that costs neither a second nor
disk. It needs root, as containerd does.
"""

import hashlib
import io
import json
import platform
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.clusters.cache import cache, locked
from tests.clusters.processes import ProgramFailed

BUSYBOX = "localhost/fedtrain/busybox:1"

# containerd keeps its database beside what it describes; a copy must not share it.
DATABASES = ("io.containerd.metadata.v1.bolt/meta.db", "io.containerd.snapshotter.v1.overlayfs/metadata.db")

# Runs containerd on the store, in mounts of its own, for as long as it takes to import the archives.
FILL = """
mount -t tmpfs tmpfs /run
containerd --root "$1" --state /run/containerd --address /run/containerd.sock --config /dev/null &
shift
until ctr --address /run/containerd.sock version > /dev/null 2>&1; do kill -0 $!; sleep 0.05; done
for archive; do ctr --address /run/containerd.sock --namespace k8s.io images import "$archive"; done
kill $!
wait $! || true
"""


@dataclass(frozen=True)
class Image:
    """An image that pods name by its reference.

    Attributes:
        id: a text that changes with the content.
        write: writes the image to a file, in the format of `docker save`.
    """

    reference: str
    id: str
    write: Callable[[Path], None]


def busybox() -> Image:
    """This machine's own static busybox, with a command that waits for ever.

    Its process holds pods together, and workers of a PyTorchJob wait for their master in it.
    """
    found = shutil.which("busybox")
    if not found:
        raise FileNotFoundError("There is no busybox on this machine; install the Debian package busybox-static.")
    program = Path(found).read_bytes()
    applets = subprocess.run([found, "--list"], check=True, capture_output=True, text=True).stdout.split()

    def write(path: Path) -> None:
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as tar:
            for folder, mode in {"bin": 0o755, "etc": 0o755, "tmp": 0o1777}.items():
                _add(tar, folder, tarfile.DIRTYPE, mode=mode)
            _add(tar, "bin/busybox", tarfile.REGTYPE, content=program, mode=0o755)
            for applet in applets:
                if applet != "busybox":
                    _add(tar, f"bin/{applet}", tarfile.SYMTYPE, target="busybox")
        _write_archive(path, BUSYBOX, layer.getvalue(), {"Env": ["PATH=/bin"], "Cmd": ["sleep", "2147483647"]})

    return Image(BUSYBOX, hashlib.sha256(program).hexdigest(), write)


def store(*images: Image) -> Path:
    """containerd's root with all of these images in it, imported first where they are new or have changed.

    Raises:
        ProgramFailed: containerd did not take an image.
    """
    folder = cache("images")
    root, record = folder / "containerd", folder / "images.json"
    with locked(folder):
        there: dict[str, str] = json.loads(record.read_text()) if record.exists() else {}
        new = [image for image in images if there.get(image.reference) != image.id]
        if new:
            with tempfile.TemporaryDirectory(dir=folder) as temporary:
                archives = [Path(temporary) / f"{number}.tar" for number in range(len(new))]
                for image, archive in zip(new, archives, strict=True):
                    image.write(archive)
                _fill(root, archives)
            record.write_text(json.dumps(there | {image.reference: image.id for image in new}, indent=1))
    return root


def copy_store(root: Path, target: Path) -> None:
    """Makes a copy of containerd's root that shares all content with it; both must be on one file system."""
    with locked(root.parent):
        subprocess.run(["cp", "--archive", "--link", str(root), str(target)], check=True)
    for name in DATABASES:
        (target / name).unlink()
        shutil.copy2(root / name, target / name)


def _fill(root: Path, archives: list[Path]) -> None:
    command = ["unshare", "--mount", "--propagation", "slave", "bash", "-ec", FILL, "fill", str(root)]
    done = subprocess.run([*command, *map(str, archives)], capture_output=True, text=True)
    if done.returncode:
        raise ProgramFailed(f"containerd did not import {', '.join(map(str, archives))}:\n{done.stderr[-4000:]}")


def _write_archive(path: Path, reference: str, layer: bytes, settings: dict[str, object]) -> None:
    digest = hashlib.sha256(layer).hexdigest()
    config = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()],
        "os": "linux",
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    content = json.dumps(config).encode()
    name = f"{hashlib.sha256(content).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": [reference], "Layers": ["layer.tar"]}]
    with tarfile.open(path, "w") as tar:
        _add(tar, "layer.tar", tarfile.REGTYPE, content=layer)
        _add(tar, name, tarfile.REGTYPE, content=content)
        _add(tar, "manifest.json", tarfile.REGTYPE, content=json.dumps(manifest).encode())


def _add(
    tar: tarfile.TarFile, name: str, kind: bytes, content: bytes = b"", target: str = "", mode: int = 0o644
) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.size, entry.mode, entry.linkname = kind, len(content), mode, target
    tar.addfile(entry, io.BytesIO(content))
