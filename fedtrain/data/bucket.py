"""Reads objects of any S3 bucket: keys and contents that other tools wrote, unlike the ledger's."""

# pyright: reportMissingTypeStubs=false

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from fedtrain.contracts.places import Place
from fedtrain.ledger.s3_client import Patience, connect
from fedtrain.ledger.s3_credentials import mounted
from fedtrain.ledger.s3_errors import TAKEN, code_of, explain, no_s3
from fedtrain.ledger.s3_place import place_of, settings_of
from fedtrain.ledger.store import StoreUnavailable

BLOCK = 8 * 2**20
"""Bytes of one request."""
_ERRORS = (BotoCoreError, ClientError, HTTPError)


@dataclass(frozen=True, order=True)
class ListedObject:
    """`size` in bytes. `version` changes with the content: the ETag, or the time of change where a server has none."""

    key: str
    size: int
    version: str

    @property
    def is_folder_marker(self) -> bool:
        """Whether a console or Hadoop made the object to show an empty folder."""
        return self.size == 0 and self.key.endswith(("/", "_$folder$"))


class Bucket:
    """Bucket `name` at the server of a place, with the credentials of this place only. Raises StoreError for an invalid
    block."""

    def __init__(self, name: str, place: Place) -> None:
        self._patience = Patience()
        settings = settings_of(place.s3, place.setting)
        self._client = connect(place.s3, self._patience, mounted(place.folder), settings)
        self._bucket = name
        meta = self._client.meta
        self._place = place_of(name, place.s3, meta.endpoint_url, meta.region_name, settings)
        self.url = f"{meta.endpoint_url}/{name}"

    def objects(self, prefix: str) -> Iterator[ListedObject]:
        """Yield all objects whose key starts with `prefix`, sorted by key. Raises StoreError."""
        try:
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
                if "IsTruncated" not in page:
                    raise no_s3(self._place, prefix)
                for entry in page.get("Contents", ()):
                    version = entry.get("ETag") or str(entry.get("LastModified"))
                    yield ListedObject(entry["Key"], entry["Size"], version)
        except _ERRORS as error:
            raise explain(error, self._place, prefix) from error

    def download(self, listed: ListedObject, target: Path) -> None:
        """Write the object's bytes to a new file. Raises StoreError, and StoreUnavailable if the object has changed
        since it was listed; OSError."""
        with target.open("xb") as out:
            for start in range(0, listed.size, BLOCK):
                out.write(self.read(listed, start, min(BLOCK, listed.size - start)))

    def read(self, listed: ListedObject, start: int, length: int) -> bytes:
        """Return the bytes of one range. Raises StoreError, and StoreUnavailable if the object has changed since it was
        listed. boto repeats a failed request, but not one whose body breaks off."""
        request: dict[str, Any] = {"Bucket": self._bucket, "Key": listed.key}
        request["Range"] = f"bytes={start}-{start + length - 1}"
        if listed.version.startswith('"'):
            request["IfMatch"] = listed.version
        for attempt in range(self._patience.attempts):
            try:
                reply = self._client.get_object(**request)
            except _ERRORS as error:
                if code_of(error) in TAKEN:
                    raise self._changed(listed) from error
                raise explain(error, self._place, listed.key) from error
            try:
                content = bytes(reply["Body"].read())
            except _ERRORS:
                time.sleep(random.uniform(0, min(5.0, 0.1 * 2**attempt)))
                continue
            if len(content) != length:
                raise self._changed(listed)
            return content
        raise StoreUnavailable(f"{self._place}, key {listed.key!r}: the response keeps breaking off.")

    def _changed(self, listed: ListedObject) -> StoreUnavailable:
        return StoreUnavailable(f"{self._place}, key {listed.key!r} changed while it was downloaded.")
