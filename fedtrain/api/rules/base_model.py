"""Rules on the base model and the adapter to go on from."""

import re
from pathlib import Path

from fedtrain.api.places import base_kind, is_file, is_folder, scheme
from fedtrain.api.rules.subject import Problem, Problems, Subject

_COMMIT = re.compile(r"[0-9a-f]{40}")
_HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?")


def a_hub_id_has_its_commit(subject: Subject) -> Problems:
    """A base from the hub has a `revision`: a commit of 40 hexadecimal digits. A moving base is a different model."""
    model = subject.spec.model
    if base_kind(model.base, subject.folder) != "Hub" or not _HUB_ID.fullmatch(model.base):
        return
    place = subject.at("model", "revision")
    fix = f"Write the commit of 40 digits that https://huggingface.co/{model.base}/commits/main shows"
    if model.revision is None:
        missing = (
            f"It is missing: {model.base} is a hub id (there is no such directory), and a moving base is another model."
        )
        yield Problem(place, missing, f"{fix}, or begin base with ./ for a directory.")
    elif not _COMMIT.fullmatch(model.revision):
        yield Problem(place, f"{model.revision} is a name or a short commit, and may move.", f"{fix}.")


def only_a_hub_id_has_a_revision(subject: Subject) -> Problems:
    """A base that is a directory or in a bucket has no `revision`."""
    model = subject.spec.model
    kind = base_kind(model.base, subject.folder)
    if model.revision is not None and kind != "Hub":
        what = "directory" if kind == "Folder" else "place in a bucket"
        message = f"The base {model.base} is a {what}, which has no revisions."
        yield Problem(subject.at("model", "revision"), message, "Remove the line.", key=True)


def the_base_is_a_model(subject: Subject) -> Problems:
    """A base that is a directory exists and holds a `config.json`; otherwise it is a hub id or `s3://bucket/prefix`."""
    base, place = subject.spec.model.base, subject.at("model", "base")
    match base_kind(base, subject.folder):
        case "Folder":
            folder = Path(subject.resolve(base))
            if not is_folder(folder):
                what = "a file" if is_file(folder) else "not there"
                yield Problem(
                    place, f"The directory {folder} is {what}.", "Correct the path (from this file's folder)."
                )
            elif not is_file(folder / "config.json"):
                message = f"{folder} holds no config.json."
                yield Problem(place, message, "Name a directory that transformers' save_pretrained wrote.")
        case "Hub" if not _HUB_ID.fullmatch(base):
            yield Problem(place, f"{base} is neither a hub id nor a directory.", "Write org/name or ./directory.")
        case _:
            pass


def initial_adapter_is_there(subject: Subject) -> Problems:
    """`adapter.initialFrom.uri`, when it is a path, is a folder with PEFT's `adapter_model.safetensors` and
    `adapter_config.json`."""
    initial = subject.spec.model.adapter.initial_from
    if initial is None or scheme(initial.uri) != "file":
        return
    place, folder = subject.at("model", "adapter", "initialFrom", "uri"), Path(subject.resolve(initial.uri))
    if not is_folder(folder):
        yield Problem(place, f"There is no folder {folder}.", "Correct the path (from this file's folder).")
        return
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        if not is_file(folder / name):
            yield Problem(place, f"{folder} holds no {name}.", "Name a folder that PEFT's save_pretrained wrote.")
