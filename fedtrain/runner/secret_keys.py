"""Secret keys of the participants on this machine, one file each: of the shares of noise, and of fingerprints."""

import os
import secrets
from pathlib import Path

from fedtrain.ledger.flush import flush
from fedtrain.privacy.gaussian_noise import SEED_BYTES


def secret_key(folder: Path, participant: str) -> str:
    """Return the path of the participant's key in `folder`, which only this user may read; create it if it does not
    exist, on the disk before anything depends on it. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = key_file(folder, participant)
    made = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    if not path.exists():
        with os.fdopen(os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(secrets.token_bytes(SEED_BYTES))
        flush(made)
        try:
            os.link(made, path)  # whole, and the first one stays
        except FileExistsError:
            pass
        finally:
            made.unlink()
        flush(folder)
        flush(folder.parent)
    return str(path.resolve())


def key_file(folder: Path, participant: str) -> Path:
    return folder / f"{participant}.key"
