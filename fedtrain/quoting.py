"""Words of commands in messages, so that users can copy them."""

import shlex
from pathlib import Path


def quoted(word: str | Path) -> str:
    """Return a path or another word as a shell takes it."""
    return shlex.quote(str(word))
