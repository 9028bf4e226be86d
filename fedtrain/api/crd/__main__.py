"""Writes crds/: `python -m fedtrain.api.crd`, at the root of the repository."""

from pathlib import Path

from fedtrain.api.crd.document import file_name, render
from fedtrain.api.crd.kinds import KINDS

FOLDER = Path("crds")


def main() -> None:
    """Writes a file for each kind."""
    FOLDER.mkdir(exist_ok=True)
    for kind in KINDS:
        (FOLDER / file_name(kind)).write_text(render(kind), encoding="utf-8")


main()
