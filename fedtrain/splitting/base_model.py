"""The base model of a federation that is split: how its file names it, and how long its rows may be."""

import os
import re
from pathlib import Path

from fedtrain.api.base_model_folder import not_a_base
from fedtrain.api.places import base_kind
from fedtrain.api.rules.model import COMMIT
from fedtrain.data.base_files import BaseFiles, read_base
from fedtrain.splitting.errors import SplitError

MAX_LENGTH = 512


def base_in_file(base: str | None, revision: str | None, out: Path) -> str | None:
    """Return the base model as the file in `out` has to name it: a relative path is relative to the file there. Raises
    SplitError."""
    if base is None:
        if revision is not None:
            raise SplitError(f"--revision {revision} without --base", "add the model id, such as `--base org/model`")
        return None
    kind = base_kind(base, Path())
    if kind == "Hub":
        if revision is None:
            raise SplitError(
                f"--base {base}: a model from Hugging Face needs --revision",
                f"add the 40-digit commit from https://huggingface.co/{base}/commits/main, so that all "
                "participants train the same weights. If it is a folder, correct the path",
            )
        if not re.search(COMMIT, revision):
            raise SplitError(
                f"--revision {revision} is not a full commit id, so it can change",
                f"use the 40-digit commit from https://huggingface.co/{base}/commits/main",
            )
        return base
    if revision is not None:
        problem = f"--revision {revision}: --base {base} is not a model from Hugging Face, so it has no revision"
        raise SplitError(problem, "leave out --revision, or name a model id")
    if kind == "Bucket":
        return base
    path = Path(base.removeprefix("file://")).expanduser()
    if not path.is_dir():
        raise SplitError(f"--base {base}: the folder does not exist", "correct the path")
    if (contents := not_a_base(path)) is not None:
        fix = "name a folder that `save_pretrained` of transformers wrote, or leave out --base and set `model.base` in "
        fix += "the file"
        raise SplitError(f"--base {base}: the folder contains {contents}", fix)
    if path.is_absolute():
        return base
    # after a link, `..` leads out of the folder that the link names; a link to the base itself may stay
    relative = Path(os.path.relpath(path.parent.resolve() / path.name, out.resolve())).as_posix()
    return relative if relative.startswith(".") else f"./{relative}"


def base_files(base: str | None) -> BaseFiles | None:
    """Return the files of a base model in a folder; None if it is not in one."""
    if base is None or base_kind(base, Path()) in ("Hub", "Bucket"):
        return None
    return read_base(Path(base.removeprefix("file://")).expanduser())


def max_length(files: BaseFiles | None) -> int:
    """Return 512 tokens, or the context of the base model if it is shorter."""
    context = files.context if files is not None else None
    return min(MAX_LENGTH, context or MAX_LENGTH)
