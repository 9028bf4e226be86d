"""Local copies of what is at `s3://`: data, base models, adapters to go on from."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from blake3 import blake3

from fedtrain.api.storage import S3, Storage
from fedtrain.data.errors import DataError
from fedtrain.ledger.open import open_store
from fedtrain.ledger.store import ObjectStore

BLOCK = 8 * 2**20


def cache_folder() -> Path:
    """`$FEDTRAIN_CACHE`, else `fedtrain` in the user's cache folder."""
    own = os.environ.get("FEDTRAIN_CACHE")
    return Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fedtrain"


def downloaded(uri: str, storage: Storage, wanted: Callable[[str], bool] | None = None) -> Path:
    """A local copy of the object or of all objects below `s3://bucket/key`; with `wanted`, of those
    whose path below the key it accepts. Copies are kept by names and sizes of the
    objects; processes of one machine share them. The endpoint is the ledger's when that is a bucket too, else the
    environment's (AWS_ENDPOINT_URL). Raises DataError if nothing is there, StoreError."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    like = storage.s3.model_dump(exclude={"bucket", "prefix"}) if storage.s3 is not None else {}
    store = open_store(Storage(type="S3", s3=S3(bucket=bucket, **like)))
    key = key.strip("/")
    keys = [found for found in store.keys(key) if found == key or found.startswith(f"{key}/") or not key]
    if wanted is not None:
        keys = [found for found in keys if found == key or wanted(found[len(key) :].lstrip("/"))]
    if not keys:
        raise DataError(f"{uri}: there is no such object or folder in the bucket")
    sizes = [(found, store.size(found)) for found in keys]
    name = blake3(repr((store.url, key, sizes)).encode()).hexdigest()[:32]
    folder = cache_folder() / "downloads"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / name
    with (folder / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            _download(store, key, keys, folder, target)
    return target / Path(key).name if keys == [key] else target


def _download(store: ObjectStore, key: str, keys: list[str], folder: Path, target: Path) -> None:
    """Whole or not at all: into a folder beside `target`, which then takes its name."""
    beside = Path(tempfile.mkdtemp(dir=folder))
    try:
        for found in keys:
            file = beside / (Path(key).name if found == key else found[len(key) :].lstrip("/"))
            file.parent.mkdir(parents=True, exist_ok=True)
            with closing(store.open(found)) as reader, file.open("wb") as out:
                for offset in range(0, reader.size, BLOCK):
                    out.write(reader.read(offset, min(BLOCK, reader.size - offset)))
        beside.rename(target)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
