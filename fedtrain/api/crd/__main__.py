"""Writes crds/ and schemas/: `python -m fedtrain.api.crd`, at the root of the repository."""

from pathlib import Path

from fedtrain.api.crd.document import file_name, render
from fedtrain.api.crd.editor_schema import FILE_NAME, render_editor_schema
from fedtrain.api.crd.kinds import KINDS

FOLDER = Path("crds")
PARTICIPANT_FOLDER = Path("helm/fedtrain-participant/files/crds")
"""The kinds of a participant's cluster."""
SCHEMAS = Path("schemas")


def main() -> None:
    """Writes a file for each kind, and the schema for editors."""
    FOLDER.mkdir(exist_ok=True)
    for kind in KINDS:
        folders = (FOLDER, PARTICIPANT_FOLDER) if kind.name == "ParticipantPolicy" else (FOLDER,)
        for folder in folders:
            (folder / file_name(kind)).write_text(render(kind), encoding="utf-8")
    SCHEMAS.mkdir(exist_ok=True)
    (SCHEMAS / FILE_NAME).write_text(render_editor_schema(), encoding="utf-8")


main()
