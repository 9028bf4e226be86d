"""The name of the base model in files that are given away: no path of the run's machine."""

import json
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

from fedtrain.api.model import Model
from fedtrain.api.places import scheme
from fedtrain.api.rules.model import HUB_ID
from fedtrain.contracts.base_fingerprint import BaseFingerprint
from fedtrain.ledger.store import StoreError
from fedtrain.results.base_identity import base_identity

_LONGEST = 96
"""Characters of an organisation or a model on Hugging Face."""
_FITS = "the adapter fits it only if both are the same model"


@dataclass(frozen=True)
class PublicBase:
    """`name`: a model id on Hugging Face, an address at `s3://`, or `./` and the last part of a path. `revision`: only
    of a model id."""

    name: str
    kind: Literal["Hub", "Bucket", "Folder"]
    revision: str | None = None


def public_base(model: Model, name: str | None = None) -> PublicBase:
    """Return the base model as exported files name it. `name`: the model id that the user gives it. Raises StoreError
    if it is not one."""
    if name is not None:
        if (why := _why_no_id(name)) is not None:
            raise StoreError(f"--base-name {name} is not a model id on Hugging Face{why}. Write it as `ORG/MODEL`.")
        return PublicBase(name, "Hub", model.revision if name == model.base else None)
    if scheme(model.base) == "s3":
        return PublicBase(model.base, "Bucket")
    if model.revision is not None:
        return PublicBase(model.base, "Hub", model.revision)
    last = PurePosixPath(model.base.removeprefix("file://")).name
    return PublicBase(f"./{last}" if last not in ("", "..", "~") else "./base", "Folder")


def _why_no_id(name: str) -> str | None:
    """Return why Hugging Face would not accept a model id; empty if it does not look like one, None if it is one. Its
    check of a model card applies the same rules to `base_model`."""
    if not re.search(HUB_ID, name):
        return ""
    for part in name.split("/"):
        if len(part) > _LONGEST:
            return f": {part} has more than {_LONGEST} characters"
        if part.endswith(("-", ".")):
            return f": {part} ends with {part[-1]}"
    twice = next((two for two in ("--", "..") if two in name), None)
    if twice is not None:
        return f": it contains {twice}"
    return ": it ends with .git" if name.endswith(".git") else None


def unchecked_name(
    model: Model, name: str | None, fingerprint: BaseFingerprint | None = None, *, merged: bool = False
) -> str | None:
    """Return what is not known about the name that the user gives the base model; None if the run has the same.
    `fingerprint`: of the run's base model. `merged`: the export is a whole model, which is loaded without a base."""
    if name is None or name == model.base:
        return None
    if model.revision is not None:
        fits = f"the model card is right to name {name}" if merged else f"the adapter fits {name}"
        return f"warning: the run's base model is {model.base}, and {fits} only if it is a copy of it."
    means = "the model card names it as the base model" if merged else _FITS
    identity = base_identity(fingerprint)
    identified = f" The model card identifies {model.base} by its fingerprint: {identity}." if identity else ""
    return f"note: {name} was not compared with {model.base}; {means}.{identified}"


def public_config(content: bytes, base: PublicBase) -> bytes:
    """Return PEFT's `adapter_config.json` with the public name of the base model: the same bytes if it has it."""
    settings: dict[str, Any] = json.loads(content)
    if settings.get("base_model_name_or_path") == base.name:
        return content
    settings |= {"base_model_name_or_path": base.name, "revision": base.revision}
    return (json.dumps(settings, indent=2, sort_keys=True) + "\n").encode()
