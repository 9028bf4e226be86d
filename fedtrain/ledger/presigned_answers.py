"""Content and error code of a server's answer to a presigned request."""

import re
from typing import Any

from urllib3.exceptions import HTTPError

_CODE = re.compile(rb"<Code>\s*([A-Za-z0-9]{1,64})\s*</Code>")
_LONGEST_ANSWER = 8 * 1024 * 1024


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
