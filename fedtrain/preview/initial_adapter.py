"""Compares the digest of an initial adapter on this machine with the one in the file."""

from pathlib import Path

from fedtrain.api.places import scheme
from fedtrain.api.reading.errors import FieldError
from fedtrain.api.reading.federation import Federation
from fedtrain.contracts.digests import digest_file_like

_DIGEST = ("spec", "model", "adapter", "initialFrom", "digest")


def initial_adapter_errors(federation: Federation) -> list[FieldError]:
    """Return the error of an adapter that has another digest; none for an adapter in a bucket."""
    initial = federation.training.spec.model.adapter.initial_from
    if initial is None or scheme(initial.uri) != "file":
        return []
    file = Path(federation.resolve(initial.uri)) / "adapter_model.safetensors"
    found = digest_file_like(file, initial.digest)
    if found == initial.digest:
        return []
    message = f"{file} has changed, or is another adapter: its digest is {found}."
    return [federation.error_at(_DIGEST, message, "Restore the file, or set this digest if the file is right.")]
