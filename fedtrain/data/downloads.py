"""Local copies of objects at `s3://`: data sets, base models, and adapters to start from."""

from collections.abc import Callable, Sequence
from pathlib import Path

from blake3 import blake3

from fedtrain.contracts.places import Place
from fedtrain.data.bucket import Bucket, ListedObject
from fedtrain.data.download_cache import DEFAULT_LIMIT, LIMIT, DownloadCache, cache_folder, cache_limit
from fedtrain.data.errors import DataError
from fedtrain.plurals import several


class RemoteFile:
    """An object that is read in parts, without a copy. Safe to use from several threads."""

    def __init__(self, bucket: Bucket, listed: ListedObject) -> None:
        self.size = listed.size
        self._bucket = bucket
        self._listed = listed

    def read(self, offset: int, length: int) -> bytes:
        """Raises StoreError."""
        return self._bucket.read(self._listed, offset, length)


_caches: dict[Path, DownloadCache] = {}
"""One per folder: it remembers which entries this process uses."""


def downloaded(uri: str, place: Place, wanted: Callable[[str], bool] | None = None) -> Path:
    """Return a local copy of the object, or a folder of all objects below `s3://bucket/key`; with `wanted`, of those
    whose path below the key it accepts. The copy is current: its name depends on the objects' keys, sizes and ETags.
    `place`: access to the bucket. Raises DataError if no object is found, or if the objects are larger than the cache
    may be; StoreError; OSError."""
    bucket, key, files = _found(uri, place, wanted)
    sizes = {file: listed.size for file, listed in files.items()}
    limit, size = cache_limit(), sum(sizes.values())
    if size > limit:
        raise DataError(
            f"{uri} has {size} bytes, but downloads are limited to {limit} bytes (default {DEFAULT_LIMIT}). "
            f"Set {LIMIT} to {size} or more"
        )

    def fill(folder: Path) -> None:
        for file, listed in files.items():
            target = folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            bucket.download(listed, target)

    content = [(file, listed.key, listed.size, listed.version) for file, listed in files.items()]
    digest = blake3(repr((bucket.url, content)).encode()).hexdigest()[:32]
    folder = cache_folder() / "downloads"
    entry = _caches.setdefault(folder, DownloadCache(folder, limit))
    entry.limit = limit
    root = entry.entry(digest, sizes, fill)
    return root / next(iter(files)) if [listed.key for listed in files.values()] == [key] else root


def remote_files(uri: str, place: Place, wanted: Callable[[str], bool]) -> dict[str, RemoteFile]:
    """Return the objects that `downloaded` copies, by the path of their file in the copy. Raises what it raises."""
    bucket, _, files = _found(uri, place, wanted)
    return {file: RemoteFile(bucket, listed) for file, listed in files.items()}


def _found(uri: str, place: Place, wanted: Callable[[str], bool] | None) -> tuple[Bucket, str, dict[str, ListedObject]]:
    name, _, path = uri.removeprefix("s3://").partition("/")
    bucket = Bucket(name, place)
    return bucket, *_files(bucket, path, uri, wanted or (lambda _: True))


def _files(bucket: Bucket, path: str, uri: str, wanted: Callable[[str], bool]) -> tuple[str, dict[str, ListedObject]]:
    """The key that `path` stands for, and the objects by their file's path in the copy. Raises DataError."""
    for key in dict.fromkeys((path, path.rstrip("/"), path.strip("/"))):
        found = [one for one in bucket.objects(key) if not one.is_folder_marker and _is_below(one.key, key)]
        if found:
            return key, _by_file(found, key, uri, wanted)
    raise DataError(f"{uri}: no such object or folder in the bucket", "correct the uri")


def _is_below(found: str, key: str) -> bool:
    return found == key or not key or found.startswith(key if key.endswith("/") else f"{key}/")


def _by_file(
    found: Sequence[ListedObject], key: str, uri: str, wanted: Callable[[str], bool]
) -> dict[str, ListedObject]:
    """Empty parts of a key (`a//b`) are ignored. Raises DataError for a key that cannot be the path of a file."""
    files: dict[str, ListedObject] = {}
    folders: set[str] = set()
    for listed in found:
        parts = [Path(key).name] if listed.key == key else [part for part in listed.key[len(key) :].split("/") if part]
        file = "/".join(parts)
        if listed.key != key and not wanted(file):
            continue
        above = {"/".join(parts[:length]) for length in range(1, len(parts))}
        if (
            {".", ".."} & set(parts)
            or listed.key.endswith("/")
            or file in files
            or file in folders
            or above & set(files)
        ):
            raise DataError(f"{uri}: object {listed.key!r} cannot be a file in a folder", "rename or delete it")
        files[file] = listed
        folders |= above
    if not files:
        raise DataError(f"{uri}: {several(len(found), 'object')}, but no data file", "correct the uri")
    return files
