"""Building images from Containerfiles without an engine or a registry: buildah in a chroot, on a base of Debian's.

What this machine needs to reach the world, certificates of its own and pip's settings, is mounted while a build runs
and stays out of the image.
"""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hack.cluster.archives import Archive
from hack.cluster.cache import cache, locked
from hack.cluster.images import Image
from hack.cluster.layers import open_layer
from hack.cluster.packages import BUILDING, need_packages
from hack.cluster.processes import run

PYTHON = "localhost/fedtrain/python:3.11-bookworm"
MOUNTED = ("/etc/ssl/certs", "/etc/pip.conf")
UV_SETTINGS = "native-tls = true\n"

BASE = """
FROM scratch
ADD rootfs/ /
RUN ln -s /usr/bin/python3 /usr/local/bin/python
CMD ["python3"]
"""


def python_base() -> str:
    """The reference of a stand-in for the public Python images: Debian 12 with its Python 3.11, and nothing else.

    Made once, in a minute.
    """
    need_packages(BUILDING)
    with locked(cache("buildah")):
        if not _buildah("images", "--quiet", "--filter", f"reference={PYTHON}").strip():
            with tempfile.TemporaryDirectory(dir=cache("buildah")) as folder:
                print(f"making the image {PYTHON} from Debian's packages", flush=True)
                include = "--include=ca-certificates,python3,python3-venv"
                run("debootstrap", "--variant=minbase", include, "bookworm", f"{folder}/rootfs")
                containerfile = Path(folder) / "Containerfile"
                containerfile.write_text(BASE)
                _build(PYTHON, containerfile, Path(folder), {})
    return PYTHON


def build(reference: str, containerfile: Path, context: Path, arguments: Mapping[str, str]) -> Image:
    """Builds an image, with the layers of the last build where nothing before them changed.

    Raises:
        ProgramFailed: a command of the Containerfile failed; the message has the end of its output.
    """
    need_packages(BUILDING)
    with locked(cache("buildah")):
        identity = _build(reference, containerfile, context, arguments)

    def write(archive: Archive) -> None:
        described = describe(identity)
        for layer in described.layers:
            if archive.lacks(layer.digest):
                with open_layer(cache("buildah") / "storage", layer.digest) as content:
                    archive.add_layer(layer.digest, layer.size, content)
        archive.finish(reference, described.config, {layer.digest: layer.size for layer in described.layers})

    return Image(reference, identity, write)


@dataclass(frozen=True)
class Layer:
    """A layer of an image; `size` is that of its files, uncompressed."""

    digest: str
    size: int


@dataclass(frozen=True)
class Description:
    """What an image says of itself. `layers`: the base's first. `config`: the JSON whose digest is the image's id."""

    layers: tuple[Layer, ...]
    config: bytes

    @property
    def user(self) -> str:
        return self._settings.get("User", "")

    @property
    def environment(self) -> tuple[str, ...]:
        return tuple(self._settings.get("Env", ()))

    @property
    def _settings(self) -> dict[str, Any]:
        return json.loads(self.config)["config"]


def describe(reference: str) -> Description:
    """Digest of an image that was built here."""
    found = json.loads(_buildah("inspect", "--type=image", reference))
    layers = tuple(Layer(layer["digest"], layer["size"]) for layer in json.loads(found["Manifest"])["layers"])
    return Description(layers, found["Config"].encode())


def _build(reference: str, containerfile: Path, context: Path, arguments: Mapping[str, str]) -> str:
    settings = cache("buildah") / "uv.toml"
    settings.write_text(UV_SETTINGS)
    mounts = {path: path for path in MOUNTED if Path(path).exists()} | {str(settings): "/etc/uv/uv.toml"}
    with tempfile.NamedTemporaryFile("r") as identity:
        _buildah(
            "bud",
            "--isolation=chroot",
            "--network=host",
            "--layers",
            "--quiet",
            f"--iidfile={identity.name}",
            f"--tag={reference}",
            f"--file={containerfile}",
            *(f"--volume={source}:{target}:ro" for source, target in mounts.items()),
            *(f"--build-arg={name}={value}" for name, value in arguments.items()),
            str(context),
        )
        return identity.read().strip()


def _buildah(command: str, *arguments: str) -> str:
    return run(*_storage(), command, *arguments)


def _storage() -> tuple[str, ...]:
    """The command buildah, with a storage of its own."""
    folder = cache("buildah")
    return ("buildah", f"--root={folder / 'storage'}", f"--runroot={folder / 'run'}", "--storage-driver=overlay")
