"""The command that gives this user access to a file or folder, and who can run it."""

import os
from pathlib import Path

from fedtrain.quoting import quoted


def access_fix(path: Path, rights: str, option: str = "") -> str:
    """`run `chmod u+r FILE`` for a file of this user. Nobody else may change the permissions of a file of another
    user, and that user's own do not help: `ask its owner, ana, to run `setfacl -m u:ben:r FILE``. `rights`: as for
    chmod. `option`: `-R` for a folder and all in it."""
    option = f"{option} " if option else ""
    owner = _owner(path)
    if owner in (None, _user()):
        return f"run `chmod {option}u+{rights} {quoted(path)}`"
    return f"ask its owner, {_name(owner)}, to run `setfacl {option}-m u:{_name(_user())}:{rights} {quoted(path)}`"


def _user() -> int | None:
    return os.geteuid() if hasattr(os, "geteuid") else None


def _owner(path: Path) -> int | None:
    """Return the id of the owner; None if it is unknown."""
    try:
        return path.stat().st_uid
    except OSError:
        return None


def _name(user: int | None) -> str:
    """The name of a user; the id if it has none, as in a container."""
    try:
        import pwd

        return pwd.getpwuid(user or 0).pw_name
    except (ImportError, KeyError):
        return str(user)
