"""The list that one value stands for, such as `[Sat, Sun]` for `Weekend` where a list of days is due."""

import re
from typing import Any

from fedtrain.api.reading.choice_errors import meant, words_of_span
from fedtrain.api.reading.flow_style import flow
from fedtrain.api.shapes import Shape, fields_of


def as_list(value: Any, item: Shape) -> str | None:
    """Return the list of valid items that `value` means; None if it is not clear."""
    if item.block is not None:
        parts = address(value, set(fields_of(item.block))) if isinstance(value, str) else None
        return flow([parts]) if parts else None
    values = [one.strip() for one in value.split(",") if one.strip()] if isinstance(value, str) else [value]
    if not item.choices:
        return flow(values)
    found: list[str] = []
    for one in values:
        word = meant(str(one), item.choices)
        several = words_of_span(str(one), item.choices) or ([word] if word else [])
        if not several:
            return None
        found += several
    return flow(list(dict.fromkeys(found)))


_SERVER = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[0-9]{1,5})?(/\S*)?")
"""A host without a scheme, with a port or a path or not."""


def as_endpoint(value: Any) -> Any:
    """Return the URL that a server's name without `https://` means; any other value as it is."""
    return f"https://{value}" if isinstance(value, str) and _SERVER.fullmatch(value) else value


def address(value: str, names: set[str]) -> dict[str, str] | None:
    """Return the parts of `namespace/name`, of a namespace, of `s3://bucket` or of a server, for a block with such
    fields."""
    if {"namespace", "name"} <= names and (found := re.fullmatch(r"([^/\s]+)(?:/([^/\s]+))?", value)):
        return {"namespace": found[1]} | ({"name": found[2]} if found[2] else {})
    if {"bucket", "endpoint"} <= names and re.fullmatch(r"(https?://[^/]+/?|[^/\s:@]+:[0-9]{1,5}/?)", value):
        return {"endpoint": as_endpoint(value), "bucket": "federations"}
    if "bucket" in names and (found := re.fullmatch(r"(?:s3://)?([^/\s:]+)/?", value)):
        return {"bucket": found[1]}
    return None


def bucket_of(value: Any, names: set[str]) -> dict[str, str] | None:
    """Return bucket and prefix of `s3://bucket/prefix`, for a block with such fields."""
    found = re.fullmatch(r"s3://([^/\s:]+)(?:/(\S*?))?/?", value) if isinstance(value, str) else None
    if found is None or not {"bucket", "prefix"} <= names:
        return None
    return {"bucket": found[1]} | ({"prefix": found[2]} if found[2] else {})
