"""A server's answer to a presigned request: its content, its error code, and whether S3 answers so."""

import re
from typing import Any

from urllib3.exceptions import HTTPError

from fedtrain.ledger.s3_errors import GONE

_CODE = re.compile(rb"<Code>\s*([A-Za-z0-9]{1,64})\s*</Code>")
_LONGEST_ANSWER = 8 * 1024 * 1024
EXISTS, NO_SUCH_RANGE = 412, 416
"""What servers answer to a PUT on an object that must not exist, and to a range of an empty object."""
_MISSING = 404
_STATUSES = {"GetObject": (_MISSING, NO_SUCH_RANGE), "ListParts": (_MISSING,), "PutObject": (EXISTS,)}
"""Statuses from 300 on that are answers and no refusals, by operation."""


class AnswerTooLong(Exception):
    """An answer with more bytes than any that is expected. The message says how many."""


def content_of(response: Any) -> bytes:
    """Return the content of an answer. Raises HTTPError if it breaks off, AnswerTooLong."""
    expected = response.headers.get("content-length")
    if expected is not None and int(expected) > _LONGEST_ANSWER:
        raise AnswerTooLong(f"the answer has {expected} bytes; at most {_LONGEST_ANSWER} are read")
    content: bytes = response.content
    if expected is not None and len(content) != int(expected):
        raise HTTPError("the answer broke off")
    return content


def code_in(response: Any) -> str:
    """Return the server's code, or the HTTP status."""
    match = _CODE.search(response.content)
    return match[1].decode() if match else str(response.status_code)


def is_answer(response: Any, operation: str) -> bool:
    """Whether an S3 server answers so if it does not refuse the request: a proxy's page must not count as a write."""
    status: int = response.status_code
    if status < 300:
        if operation == "ListParts":
            return b"<ListParts" in response.content  # servers call it ListPartsResult or ListPartsOutput
        return bool(response.headers.get("etag"))
    if status == _MISSING and (code_in(response) not in GONE or _is_page(response)):
        return False
    return status in _STATUSES.get(operation, ())


def _is_page(response: Any) -> bool:
    """Whether a web page came instead of an error of S3."""
    return "html" in response.headers.get("content-type", "").lower() and not _CODE.search(response.content)
