"""Presigned requests for one task: what the hub grants, and a participant's pods use. They are bearer secrets, so no
`repr` shows them."""

import gzip
import zlib
from collections.abc import Mapping
from typing import Literal

from pydantic import Field, ValidationError

from fedtrain.contracts.wire.base import Wire

TRANSFER_VERSION = 1
_LONGEST = 4 * 1024 * 1024
"""Bytes of a grant's JSON."""


class TransferRefused(Exception):
    """A grant that this version cannot use."""


SignedHeader = Literal["if-none-match"]
"""Headers that the hub signs. Others could direct a request elsewhere, such as `Host`."""


class SignedRequest(Wire):
    """One request. `headers` are signed: the request has exactly these values."""

    url: str = Field(repr=False)
    headers: Mapping[SignedHeader, str] = {}


class SignedUpload(SignedRequest):
    """A PUT of exactly `size` bytes."""

    size: int


class SignedRecord(Wire):
    """A record of the task. `name`: of the object that the requests read and create. `writes`: one for each size."""

    name: str
    read: SignedRequest
    writes: tuple[SignedUpload, ...]


class SignedFile(Wire):
    """The update file, which is created and never replaced. `whole`: the file in one request; or `parts`, which the hub
    puts together once the record has arrived, and `uploaded`, the list of those that the server has."""

    name: str
    size: int
    read: SignedRequest
    whole: SignedUpload | None = None
    parts: tuple[SignedUpload, ...] = ()
    uploaded: SignedRequest | None = None


class TransferGrant(Wire):
    """`task`: uid of the TrainingTask. `expires`: in seconds since 1970, by the hub's clock. `blobs`: GETs by digest.
    `noise`: the claim of the update's noise. `telemetry`: one PUT for each size."""

    version: int = TRANSFER_VERSION
    task: str
    expires: int = 0
    blobs: Mapping[str, SignedRequest] = {}
    record: SignedRecord
    update: SignedFile | None = None
    noise: SignedRecord | None = None
    telemetry: tuple[SignedUpload, ...] = ()

    def text(self) -> str:
        return self.model_dump_json(by_alias=True, exclude_none=True)

    def packed(self) -> bytes:
        """Return the JSON compressed, because a Secret has at most 1 MiB and URLs are much alike."""
        return gzip.compress(self.text().encode(), mtime=0)

    def requests(self) -> tuple[SignedRequest, ...]:
        """Return all requests."""
        found = [*self.blobs.values(), *self.telemetry]
        for record in (self.record, self.noise):
            found += [record.read, *record.writes] if record is not None else []
        if (file := self.update) is not None:
            found += [file.read, *file.parts, *(one for one in (file.whole, file.uploaded) if one is not None)]
        return tuple(found)


def read_grant(content: bytes) -> TransferGrant:
    """Read a packed grant. Raises TransferRefused. Its message quotes nothing of the content."""
    try:
        grant = TransferGrant.model_validate_json(_unpacked(content))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise TransferRefused(f"the signed requests are not valid: {where}: {first['msg']}") from None
    if grant.version > TRANSFER_VERSION:
        raise TransferRefused(
            f"the signed requests have version {grant.version}, but this fedtrain supports up to {TRANSFER_VERSION}"
        )
    return grant


def _unpacked(content: bytes) -> bytes:
    """Raises TransferRefused for what is not compressed or too long."""
    stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        text = stream.decompress(content, _LONGEST)
    except zlib.error as error:
        raise TransferRefused("the signed requests are not compressed with gzip") from error
    if not stream.eof:
        raise TransferRefused(f"the signed requests are incomplete or have more than {_LONGEST} bytes")
    return text
