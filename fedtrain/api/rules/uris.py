"""Rules on URIs: a path, `file://` or `s3://bucket/key`."""

import re
from typing import Any

from fedtrain.api.base import Block
from fedtrain.api.places import S3_LIKE, scheme
from fedtrain.api.rules.context import Context
from fedtrain.api.rules.rule import Cel, Rule, Violations, broken, quoted, regex, rule
from fedtrain.api.shapes import fields_of

SCHEMES = ("file", "s3")
SCHEME = "^[A-Za-z][A-Za-z0-9+.-]*://"
SUPPORTED = "^(?i:s3|file)://"
_VALID_S3 = "^(?i:s3)://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/|$)"
_WEB = "^(?i:https?)://"
_MODEL_PAGE = "^https?://(www[.])?(huggingface[.]co|hf[.]co)/[^/?#]+/[^/?#]+/?$"
_DOWNLOAD = "Download it first, and use"
_ABSOLUTE = "^(file://)?/"


def scheme_is_supported(block: type[Block], field: str, use: str = "a path, or `s3://bucket/key`") -> Rule:
    """The rule that the URI in `field` has a supported scheme. `use`: the supported values. A base model may be the
    page of a model on Hugging Face."""
    is_base = field == "base"
    attribute = fields_of(block)[field].attribute

    def check(judged: Any, context: Context) -> Violations:
        uri = getattr(judged, attribute)
        if scheme(uri) not in SCHEMES:
            parts = uri.split("/")
            if is_base and re.search(_MODEL_PAGE, uri):
                yield broken(scheme=scheme(uri), use=f"Write the model id: `{parts[3]}/{parts[4]}`")
            elif not is_base and re.search(_WEB, uri):
                yield broken(scheme=scheme(uri), use=f"{_DOWNLOAD} {use}")
            else:
                yield broken(scheme=scheme(uri), use=f"Use {use}")

    return rule(
        block,
        field,
        message="{scheme}:// is not a supported scheme.",
        fix="{use}.",
        cel=Cel(
            valid=f"!self.matches({regex(SCHEME)}) || self.matches({regex(SUPPORTED)})",
            values={
                "scheme": "self.split('://')[0].lowerAscii()",
                "use": f"self.matches({regex(_MODEL_PAGE)}) ? 'Write the model id: `' + self.split('/')[3] + '/' + "
                f"self.split('/')[4] + '`' : {quoted(f'Use {use}')}"
                if is_base
                else f"self.matches({regex(_WEB)}) ? {quoted(f'{_DOWNLOAD} {use}')} : {quoted(f'Use {use}')}",
            },
            of_field=True,
        ),
    )(_named(check, block, field, "scheme", "is a path or `s3://bucket/key`"))


def bucket_is_valid(block: type[Block], field: str) -> Rule:
    """The rule that an S3 URI in `field` names a bucket."""
    attribute = fields_of(block)[field].attribute

    def check(judged: Any, context: Context) -> Violations:
        uri = getattr(judged, attribute)
        if re.search(S3_LIKE, uri) and not re.search(_VALID_S3, uri):
            yield broken(uri=uri)

    return rule(
        block,
        field,
        message="{uri} is not a valid S3 URI.",
        fix="Write `s3://bucket/key`; the bucket's name has 3 to 63 characters of a-z, 0-9, '.' and '-'.",
        cel=Cel(
            valid=f"!self.matches({regex(S3_LIKE)}) || self.matches({regex(_VALID_S3)})",
            values={"uri": "self"},
            of_field=True,
        ),
    )(_named(check, block, field, "bucket", "names a valid bucket, if it is an S3 URI"))


def path_is_absolute(block: type[Block], field: str) -> Rule:
    """The rule that a path in `field` is absolute: on a cluster there is no file that it could be relative to."""
    attribute = fields_of(block)[field].attribute

    def check(judged: Any, context: Context) -> Violations:
        uri = getattr(judged, attribute)
        if scheme(uri) == "file" and not re.search(_ABSOLUTE, uri):
            yield broken(uri=uri)

    other = f"self.matches({regex(SCHEME)}) && !self.startsWith('file://') || self.matches({regex(S3_LIKE)})"
    return rule(
        block,
        field,
        message="{uri} is a relative path, which pods cannot resolve.",
        fix="Use an absolute path inside the pods, or `s3://bucket/key`.",
        cel=Cel(valid=f"self.matches({regex(_ABSOLUTE)}) || ({other})", values={"uri": "self"}, of_field=True),
        scope="Cluster",
    )(_named(check, block, field, "absolute", "is absolute on a cluster, if it is a path"))


def s3_only_with_bucket(block: type[Block], *uris: str) -> Rule:
    """The rule that `s3` of a block is set only if one of the fields `uris` is `s3://`."""
    last = uris[0].rpartition(".")[2]
    is_bucket = " || ".join(_is_bucket(uri) for uri in uris)

    def check(judged: Any, context: Context) -> Violations:
        values = [_value_at(judged, block, uri) for uri in uris]
        if judged.s3 is not None and not any(value is not None and scheme(value) == "s3" for value in values):
            yield broken(uri=values[0])

    return rule(
        block,
        "s3",
        message=f"`s3` describes a bucket, but `{last}` is {{uri}}.",
        fix=f"Remove `s3`, or set `{last}: s3://bucket/key`.",
        cel=Cel(valid=f"!has(self.s3) || {is_bucket}", values={"uri": f"self.{uris[0]}"}),
        reason="FieldValueForbidden",
        at_key=True,
    )(_named(check, block, "s3", "bucket", f"is only set if {_or(uris)} is an S3 URI"))


def _is_bucket(uri: str) -> str:
    """CEL for whether the field at a dotted path exists and is an S3 URI."""
    steps = uri.split(".")
    optional = "".join(f"has(self.{'.'.join(steps[:length])}) && " for length in range(2, len(steps) + 1))
    return f"({optional}self.{uri}.matches({regex(S3_LIKE)}))"


def _value_at(judged: Any, block: type[Block], uri: str) -> str | None:
    for step in uri.split("."):
        if judged is None:
            return None
        judged = getattr(judged, fields_of(type(judged))[step].attribute)
    return judged


def _or(uris: tuple[str, ...]) -> str:
    return " or ".join(f"`{uri}`" for uri in uris)


def _named(check: Any, block: type[Block], field: str, what: str, summary: str) -> Any:
    check.__name__ = f"{block.__name__}_{field}_{what}"
    check.__doc__ = f"`{field}` {summary}."
    return check
