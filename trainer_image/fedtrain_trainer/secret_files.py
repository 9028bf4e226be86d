"""Files with a participant's secret keys."""

from pathlib import Path

from fedtrain.privacy.gaussian_noise import SEED_BYTES
from fedtrain_trainer.outcome import Refused


def secret_in(path: Path, what: str) -> bytes:
    """Return the content of a file. `what`: names the key in messages. Raises Refused."""
    try:
        secret = path.read_bytes()
    except OSError as error:
        raise Refused(f"the {what} of this participant cannot be read: {error.strerror}") from error
    if len(secret) < SEED_BYTES:
        raise Refused(f"the {what} of this participant has {len(secret)} bytes, but must have {SEED_BYTES} or more")
    return secret
