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
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hack.cluster.archives import Archive
from hack.cluster.cache import cache, locked
from hack.cluster.processes import Processes, ProgramFailed, run

BUSYBOX = "localhost/fedtrain/busybox:1"

# containerd keeps its database beside what it describes; a copy must not share it.
DATABASES = ("io.containerd.metadata.v1.bolt/meta.db", "io.containerd.snapshotter.v1.overlayfs/metadata.db")

# Mounts of containerd's own, so that none of them are left on this machine.
MOUNTS_OF_ITS_OWN = ("unshare", "--mount", "--propagation", "slave")


@dataclass(frozen=True)
class Image:
    """An image that pods name by its reference.

    Attributes:
        id: a text that changes with the content.
        write: writes the image into an archive.
    """

    reference: str
    id: str
    write: Callable[[Archive], None]


def busybox() -> Image:
    """This machine's own static busybox, with a command that waits for ever.

    Its process holds pods together, and workers of a PyTorchJob wait for their master in it.
    """
    found = shutil.which("busybox")
    if not found:
        raise FileNotFoundError("busybox is not installed. Install the Debian package busybox-static.")
    program = Path(found).read_bytes()
    applets = subprocess.run([found, "--list"], check=True, capture_output=True, text=True).stdout.split()

    def write(archive: Archive) -> None:
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as tar:
            for folder, mode in {"bin": 0o755, "etc": 0o755, "tmp": 0o1777}.items():
                _add(tar, folder, tarfile.DIRTYPE, mode=mode)
            _add(tar, "bin/busybox", tarfile.REGTYPE, content=program, mode=0o755)
            for applet in applets:
                if applet != "busybox":
                    _add(tar, f"bin/{applet}", tarfile.SYMTYPE, target="busybox")
        data = layer.getvalue()
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        config = {
            "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()],
            "os": "linux",
            "config": {"Env": ["PATH=/bin"], "Cmd": ["sleep", "2147483647"]},
            "rootfs": {"type": "layers", "diff_ids": [digest]},
        }
        archive.add_layer(digest, len(data), io.BytesIO(data))
        archive.finish(BUSYBOX, json.dumps(config).encode(), {digest: len(data)})

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
            _fill(root, new, {known: reference for reference, known in there.items()})
            record.write_text(json.dumps(there | {image.reference: image.id for image in new}, indent=1))
    return root


def copy_store(root: Path, target: Path) -> None:
    """Makes a copy of containerd's root that shares all content with it; both must be on one file system."""
    with locked(root.parent):
        subprocess.run(["cp", "--archive", "--link", str(root), str(target)], check=True)
    for name in DATABASES:
        (target / name).unlink()
        shutil.copy2(root / name, target / name)


def _fill(root: Path, images: list[Image], known: Mapping[str, str]) -> None:
    """Imports images into the root, with a containerd that lives for that alone; layers that it has cost no disk.

    Args:
        known: references by id; another reference to one of these is just that.
    """
    known = dict(known)
    with tempfile.TemporaryDirectory(dir=root.parent) as folder:
        ctr = ("ctr", f"--address={folder}/socket", "--namespace=k8s.io")
        processes = Processes(Path(folder))
        settings = [f"--root={root}", f"--state={folder}/state", f"--address={folder}/socket", "--config=/dev/null"]
        processes.start("containerd", *MOUNTS_OF_ITS_OWN, "containerd", *settings, ready=lambda: _does(*ctr, "version"))
        try:
            replaced = _keep_replaced(ctr, images)
            for image in images:
                if image.id in known:
                    run(*ctr, "images", "tag", "--force", known[image.id], image.reference)
                else:
                    _import(image, run(*ctr, "content", "ls", "--quiet").split(), (*ctr, "images", "import", "-"))
                known[image.id] = image.reference
            _drop_replaced(ctr, replaced)
        finally:
            processes.kill()


def _keep_replaced(ctr: tuple[str, ...], images: list[Image]) -> list[str]:
    """Give the images that `images` replace another name, and return these names. An import first moves the reference
    to the new image and then unpacks it: containerd may delete the layers of the old one, on which it builds, between
    the two."""
    there, names = run(*ctr, "images", "ls", "--quiet").split(), list[str]()
    for number, image in enumerate(images):
        if image.reference in there:
            names.append(f"localhost/fedtrain/replaced:{number}")
            run(*ctr, "images", "tag", "--force", image.reference, names[-1])
    return names


def _drop_replaced(ctr: tuple[str, ...], replaced: list[str]) -> None:
    """Delete images whose reference another one has now. containerd also names each image by its digest. When it
    starts, it does so again for those that have a reference."""
    digests = [name for name in run(*ctr, "images", "ls", "--quiet").split() if name.startswith("sha256:")]
    if names := [*digests, *replaced]:
        run(*ctr, "images", "rm", "--sync", *names)


def _import(image: Image, there: list[str], command: tuple[str, ...]) -> None:
    print(f"importing the image {image.reference}", flush=True)
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log) as to,
    ):
        assert to.stdin is not None
        with suppress(BrokenPipeError):  # its log says why
            with tarfile.open(fileobj=to.stdin, mode="w|") as tar:
                image.write(Archive(tar, there))
            to.stdin.close()
        if to.wait():
            log.seek(0)
            raise ProgramFailed(f"containerd did not import {image.reference}:\n{log.read()[-4000:].decode()}")


def _does(*command: str) -> bool:
    return subprocess.run(command, capture_output=True).returncode == 0


def _add(
    tar: tarfile.TarFile, name: str, kind: bytes, content: bytes = b"", target: str = "", mode: int = 0o644
) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.size, entry.mode, entry.linkname = kind, len(content), mode, target
    tar.addfile(entry, io.BytesIO(content))
