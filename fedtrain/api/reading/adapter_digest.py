"""The digest of an adapter that a file names, for messages that ask for it."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fedtrain.api.examples import DIGEST
from fedtrain.api.places import absolute, is_file, scheme
from fedtrain.api.reading.errors import FieldError
from fedtrain.api.rules.disk import denied
from fedtrain.quoting import quoted

_WEIGHTS = "adapter_model.safetensors"


def with_digest(fix: str, uri: object, folder: Path | None) -> str:
    """Return the fix with the digest of the adapter at `uri` in place of the example, or with the command that prints
    it. `folder`: where relative paths start; None if paths are those of pods."""
    if DIGEST not in fix:
        return fix
    is_path = isinstance(uri, str) and scheme(uri) == "file"
    if is_path and folder is not None:
        weights = Path(absolute(str(uri), folder).removeprefix("file://")) / _WEIGHTS
        if is_file(weights) and denied(weights) is None:
            with weights.open("rb") as content:
                return fix.replace(DIGEST, f'"sha256:{hashlib.file_digest(content, "sha256").hexdigest()}"')
    shown = quoted(f"{str(uri).rstrip('/') if is_path else 'FOLDER'}/{_WEIGHTS}")
    return f"{fix} `sha256sum {shown}` prints the digits."


def without_digests_of_nothing(
    refused: Sequence[FieldError], others: Sequence[FieldError]
) -> tuple[list[FieldError], list[FieldError]]:
    """Return both without the errors of digests whose file is refused: there is no digest to write. The error of the
    path says then what is missing beside it."""
    paths = {error.path for error in refused}
    unknown = {(*error.path[:-1], "uri") for error in others if error.path[-1:] == ("digest",)} & paths
    also = "Also add `digest`, which `sha256sum` of its adapter_model.safetensors prints."
    return (
        [replace(error, fix=f"{error.fix} {also}") if error.path in unknown else error for error in refused],
        [error for error in others if (*error.path[:-1], "uri") not in unknown or error.path[-1] != "digest"],
    )
