"""MD5 of what is sent: S3 servers check and name it by this digest."""

import hashlib
from base64 import b64encode
from collections.abc import Mapping


def md5(content: bytes) -> bytes:
    """The digest by which a server checks and names what it has received."""
    return hashlib.md5(content, usedforsecurity=False).digest()


def md5_header(digest: bytes) -> Mapping[str, str]:
    """The server checks it before it stores the content."""
    return {"Content-MD5": b64encode(digest).decode()}
