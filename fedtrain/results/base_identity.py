"""The recorded fingerprint of a base model, which identifies one that has no revision, as cards, reports and notes show
it."""

from fedtrain.contracts.base_fingerprint import BaseFingerprint
from fedtrain.results.words import short


def base_identity(fingerprint: BaseFingerprint | None) -> str:
    """Return the recorded parts, such as "weights `blake3:0123456789ab`"; empty if none was recorded."""
    if fingerprint is None:
        return ""
    parts = {"settings": fingerprint.settings, "tokenizer": fingerprint.tokenizer, "weights": fingerprint.weights}
    return ", ".join(f"{part} `{short(digest)}`" for part, digest in parts.items() if digest is not None)
