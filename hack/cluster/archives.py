"""Images on their way into containerd: OCI layouts as streams of tar, without the layers that it has already."""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from typing import IO, Any

LAYOUT = {"imageLayoutVersion": "1.0.0"}
TYPES = "application/vnd.oci.image"


class Archive:
    """One image, written into a tar: its layers, and at last what it is."""

    def __init__(self, tar: tarfile.TarFile, there: Iterable[str] = ()) -> None:
        """
        Args:
            there: digests of what need not be written.
        """
        self._tar = tar
        self._there = set(there)

    def lacks(self, digest: str) -> bool:
        return digest not in self._there

    def add_layer(self, digest: str, size: int, content: IO[bytes]) -> None:
        self._there.add(digest)
        self._add(_blob(digest), size, content)

    def finish(self, reference: str, config: bytes, layers: Mapping[str, int]) -> None:
        """What is last: `config` names the layers, and their sizes are those of `layers`, by digest."""
        digests: list[str] = json.loads(config)["rootfs"]["diff_ids"]
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{TYPES}.manifest.v1+json",
            "config": self._add_json(config, "config.v1+json"),
            "layers": [_descriptor(digest, layers[digest], "layer.v1.tar") for digest in digests],
        }
        described = self._add_json(json.dumps(manifest).encode(), "manifest.v1+json")
        named = {**described, "annotations": {"io.containerd.image.name": reference}}
        for name, content in {"index.json": {"schemaVersion": 2, "manifests": [named]}, "oci-layout": LAYOUT}.items():
            data = json.dumps(content).encode()
            self._add(name, len(data), io.BytesIO(data))

    def _add_json(self, data: bytes, kind: str) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self._add(_blob(digest), len(data), io.BytesIO(data))
        return _descriptor(digest, len(data), kind)

    def _add(self, name: str, size: int, content: IO[bytes]) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = size, 0o644
        self._tar.addfile(entry, content)


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _descriptor(digest: str, size: int, kind: str) -> dict[str, Any]:
    return {"mediaType": f"{TYPES}.{kind}", "digest": digest, "size": size}
