"""Make files and folders survive a power cut."""

import errno
import os
from pathlib import Path


def flush(path: Path) -> None:
    """Wait until a file's content, or a folder's names, are on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some file systems flush folders by themselves
            raise
    finally:
        os.close(descriptor)
