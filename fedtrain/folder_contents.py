"""Moves what a folder contains into a folder that exists. Shells and mounts that are in the folder stay in it."""

from pathlib import Path


def move_contents(source: Path, target: Path) -> None:
    """Move all files and folders of `source` into the folder `target`, in the order of their names. If one cannot be
    moved, all stay in `source`. Raises OSError."""
    moved: list[str] = []
    try:
        for path in sorted(source.iterdir()):
            path.rename(target / path.name)
            moved.append(path.name)
    except OSError:
        for name in moved:
            (target / name).rename(source / name)
        raise
