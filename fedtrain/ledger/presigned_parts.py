"""Upload a file in parts with presigned requests. The server remembers the parts, so a repeated upload sends those that
are missing or different."""

import html
import re
from pathlib import Path

from fedtrain.contracts.wire.transfer import SignedFile, SignedRequest, TransferGrant
from fedtrain.ledger.content_md5 import md5, md5_header
from fedtrain.ledger.presigned_requests import Requests, update_of

_PART = re.compile(rb"<Part>.*?</Part>", re.DOTALL)
_NUMBER = re.compile(rb"<PartNumber>\s*([0-9]{1,5})\s*</PartNumber>")
_TAG = re.compile(rb"<ETag>([^<]{1,200})</ETag>")


def upload_parts(requests: Requests, file: SignedFile, path: Path, outage_seconds: float) -> None:
    """Send the parts that the server lacks, one after the other: a link that drops then repeats one part at most.
    Raises StoreError, and UploadEnded if the hub has ended the upload."""
    present = _present(requests, file.name, outage_seconds)
    with path.open("rb") as source:
        for at, part in enumerate(file.parts):
            content = source.read(part.size)
            digest = md5(content)
            if present.get(at + 1) == digest.hex():
                continue
            requests.send(
                "UploadPart",
                file.name,
                lambda grant, at=at: update_of(grant).parts[at],
                body=content,
                headers=md5_header(digest),
                outage_seconds=outage_seconds,
            )


def _present(requests: Requests, name: str, outage_seconds: float) -> dict[int, str]:
    """The entity tags of the server's parts, by number. They are MD5 digests where the bucket is not encrypted with
    keys of a key management service; there, all parts are sent again."""
    answer = requests.send("ListParts", name, _uploaded, outage_seconds=outage_seconds)
    found: dict[int, str] = {}
    for part in _PART.findall(answer.content):
        number, tag = _NUMBER.search(part), _TAG.search(part)
        if number and tag:
            found[int(number[1])] = html.unescape(tag[1].decode("ascii", "replace")).strip('"')
    return found


def _uploaded(grant: TransferGrant) -> SignedRequest:
    uploaded = update_of(grant).uploaded
    assert uploaded is not None
    return uploaded
