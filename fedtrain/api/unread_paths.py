"""Paths that are not read as they are meant: variables, placeholders of templates and paths of Windows."""

import json
import re

UNREAD = {
    # part of a path: what to do
    "$": "Environment variables are not expanded here: write the whole path",
    "{{": "Placeholders of templates are not filled in here: write the whole path",
    "\\": "Use a path on this machine: in WSL, `C:\\data` is `/mnt/c/data`",
}


def advice(path: str) -> str | None:
    """Return what to do about the path; None if it is read as it is."""
    written = without_control_characters(path)  # "C:\\new" in double quotes has a line break
    return next((fix for part, fix in UNREAD.items() if part in written), None)


def without_control_characters(text: str) -> str:
    """Return the text with control characters as they are written in double quotes, such as `\\n`."""
    return re.sub(r"[\x00-\x1f\x7f]", lambda found: json.dumps(found[0])[1:-1], text)
