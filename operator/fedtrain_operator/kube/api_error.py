"""Errors of requests to the API server."""

import json
import re
from typing import Any

_NO_RIGHT = re.compile(r"User \"[^\"]*\" cannot ")
"""What the API server says of a missing right. No field of its answer does."""


class ApiError(Exception):
    """The API server refused, or gave no answer that can be read (`code` 0). `causes`: number of invalid fields.
    `no_namespace`: the namespace does not exist or is being deleted."""

    def __init__(self, code: int, reason: str, message: str, causes: int = 0, no_namespace: bool = False) -> None:
        self.code = code
        self.reason = reason
        self.causes = causes
        self.no_namespace = no_namespace
        super().__init__(f"{code} {reason}: {message}" if code else f"{reason}: {message}")

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed later without any change."""
        return self.code in (0, 408, 409, 425, 429) or self.code >= 500

    @property
    def no_right(self) -> bool:
        """Whether the operator has no right to send the request. The answer has no field that says so."""
        return self.code == 403 and _NO_RIGHT.search(str(self)) is not None


class AlreadyExists(ApiError):
    """An object of this name exists."""


def unreachable(error: BaseException) -> ApiError:
    return ApiError(0, "Unreachable", f"{type(error).__name__}: {error}")


def unreadable(status: int, content_type: str) -> ApiError:
    """Something between the operator and the API server has answered, such as a proxy."""
    return ApiError(0, "Unreadable", f"the answer ({status}, {content_type}) is not a JSON object. Check proxies")


def error_of(code: int, text: str) -> ApiError:
    try:
        status: Any = json.loads(text)
        reason, message = str(status.get("reason", "")), str(status.get("message", ""))
        details = status.get("details") or {}
        causes = details.get("causes") or ()
        no_namespace = (code == 404 and details.get("kind") == "namespaces") or any(
            one.get("reason") == "NamespaceTerminating" for one in causes
        )
    except (ValueError, AttributeError, TypeError):
        reason, message, causes, no_namespace = "", text[:500], (), False
    message = "the token is not accepted: it was revoked or has expired" if code == 401 else message
    kind = AlreadyExists if reason == "AlreadyExists" else ApiError
    return kind(code, reason, message, len(causes), no_namespace)
