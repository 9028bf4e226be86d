"""Finds the folder with the base model of a run on this machine."""

from pathlib import Path

from fedtrain.api.base_model_folder import not_a_base
from fedtrain.api.model import Model
from fedtrain.api.places import base_kind, short_path
from fedtrain.data.hub_cache import cached_folder
from fedtrain.results.locate import Located, run_folder


def base_folder(located: Located, model: Model, named: str | None = None) -> Path | str:
    """Return the folder, or why it is not here and what to do. `named`: where the user says it is."""
    if named is not None:
        folder = Path(named)
        if not folder.is_dir():
            return f"The folder {named} does not exist. {_instead(located, model)}."
        contents = not_a_base(folder)
        return folder if contents is None else f"{not_the_base(named, contents)}. {use_base(model.base)}."
    if model.base.startswith("s3://"):
        return (
            f"The base model {model.base} is in a bucket. Copy it to a folder "
            f"(`aws s3 cp --recursive {model.base} base`) and name it with --base."
        )
    place = _beside_file(located, model.base)
    if place is not None:
        return place
    cached = cached_folder(model.base, model.revision)
    if cached is not None:
        return cached
    if model.revision is not None:
        return (
            f"The base model {model.base} is not in the Hugging Face cache of this machine. Name a folder that has it "
            "with --base."
        )
    return f"The folder {model.base} with the base model does not exist. Name an existing folder with --base."


def shown_base(base: str, folder: Path) -> str:
    """Return the id of a model on Hugging Face, and for another base the folder that was found: the path in
    `spec.model.base` is relative to a file that may be elsewhere."""
    return base if base_kind(base, folder.parent) == "Hub" else short_path(str(folder))


def not_the_base(named: Path | str, contents: str) -> str:
    """Return what is wrong with the folder of `--base`. `contents`: what it contains instead of a base model."""
    if contents.startswith("no "):
        return f"--base {named} is not the folder of a model: it contains {contents}"
    return f"--base {named} contains {contents}"


def use_base(base: str) -> str:
    """Return how to name the base model `base` of the federation."""
    if base.startswith("s3://") or not base.removeprefix("file://").startswith((".", "/", "~")):
        return f"Use --base with a folder that contains a copy of {base}, the base model of this federation"
    return f"Use `--base {base}`, the base model of this federation"


def _instead(located: Located, model: Model) -> str:
    """Return what to do about a `--base` that does not exist."""
    if isinstance(base_folder(located, model), Path):
        return f"Omit --base: the base model of this federation, {model.base}, is on this machine"
    return use_base(model.base)


def _beside_file(located: Located, base: str) -> Path | None:
    """Return the folder that `base` means in the run's federation file, which is looked for beside the runs."""
    path = Path(located.base(base).removeprefix("file://")).expanduser()
    if path.is_dir():
        return path.absolute()
    runs = run_folder(located.ledger)
    if runs is not None and not path.is_absolute():
        beside = runs.parents[2] / path
        return beside if beside.is_dir() else None
    return None
