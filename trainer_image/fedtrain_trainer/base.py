"""Files of the base model: a directory, a model id on Hugging Face with its revision, or `s3://`, as a local folder.

Only the files at the top level that transformers loads are fetched: settings and tokenizer, and the weights that
`model.safetensors.index.json` names (`model.safetensors` without an index).
"""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from fedtrain.api.base_model_folder import not_a_base
from fedtrain.api.model import Model
from fedtrain.contracts.tasks import Binding
from fedtrain.data.base_files import weight_files
from fedtrain.data.downloads import RemoteFile, downloaded, remote_files
from fedtrain.data.hub_cache import fetch_elsewhere, is_unresolved
from fedtrain_trainer.outcome import Refused, Retry

SETTINGS = ("*.json", "*.model", "*.txt", "*.jinja")


def base_folder(model: Model, binding: Binding, *, weights: bool = True) -> Path:
    """Return the folder of the base model's files on this machine. `weights=False` fetches settings and tokenizer
    only. Raises Refused, or Retry if the hub cannot be reached."""
    base = name_here(model, binding)
    if base.startswith("s3://"):
        folder = _from_bucket(base, binding, weights=weights)
    else:
        folder = folder_here(base)
        if folder.exists():
            weights = True
        elif base.startswith((".", "/", "~", "file://")) or base.count("/") > 1:
            raise Refused(f"model.base {base}: directory not found. Correct the path")
        else:
            folder = _from_hub(base, model.revision, weights=weights)
    if (contents := not_a_base(folder)) is not None:
        raise Refused(f"model.base {base}: {folder} contains {contents}. Use a model that transformers loads")
    if weights and not has_weights(folder):
        lacking = next(name for name in weight_files(folder) if not (folder / name).is_file())
        raise _lacks_weights(base, lacking, folder)
    return folder


def name_here(model: Model, binding: Binding) -> str:
    """Return the base model as it is named on this machine."""
    return binding.base_path or model.base


def folder_here(base: str) -> Path:
    """Return the folder that a base stands for, unless it is in a bucket or a model id."""
    return Path(base.removeprefix("file://")).expanduser()


def remote_weights(base: str, binding: Binding, folder: Path) -> dict[str, RemoteFile]:
    """Return the files of weights of a base in a bucket, by name, without downloading them. `folder`: its settings.
    Raises Refused if one is missing."""
    names = weight_files(folder)
    found = remote_files(base, binding.places.base, lambda name: name in names or _is_setting(name))
    if (lacking := next((name for name in names if name not in found), None)) is not None:
        raise _lacks_weights(base, lacking, base)
    return {name: found[name] for name in names}


def _lacks_weights(base: str, lacking: str, where: Path | str) -> Refused:
    return Refused(
        f"model.base {base}: {lacking} not found in {where}. Save the weights with "
        "save_pretrained(..., safe_serialization=True)"
    )


def has_weights(folder: Path) -> bool:
    """Whether every weight file that the model loads is in `folder`."""
    return all((folder / name).is_file() for name in weight_files(folder))


def _from_bucket(base: str, binding: Binding, *, weights: bool) -> Path:
    folder = downloaded(base, binding.places.base, _is_setting)
    if not weights:
        return folder
    wanted = set(weight_files(folder))
    return downloaded(base, binding.places.base, lambda name: _is_setting(name) or name in wanted)


def _is_setting(name: str) -> bool:
    return "/" not in name and any(fnmatchcase(name, pattern) for pattern in SETTINGS)


def _from_hub(name: str, revision: str | None, *, weights: bool) -> Path:
    """A snapshot in the Hugging Face cache ($HF_HOME), downloaded only if a file is missing."""
    folder = _snapshot(name, revision, SETTINGS)
    if weights and not has_weights(folder):
        folder = _snapshot(name, revision, (*SETTINGS, *weight_files(folder)))
    return folder


def _snapshot(name: str, revision: str | None, patterns: tuple[str, ...]) -> Path:
    """Fetch the files at the top level that match `patterns`; settings in the cache are not fetched again."""
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    files: dict[str, Any] = {"revision": revision, "allow_patterns": list(patterns), "ignore_patterns": ["*/*"]}
    try:
        folder = Path(snapshot_download(name, local_files_only=True, **files))
        if patterns == SETTINGS and (folder / "config.json").exists():
            return folder
    except HFValidationError as error:
        raise Refused(f"model.base {name} is neither a folder here nor a model id on Hugging Face: {error}") from error
    except LocalEntryNotFoundError:
        pass
    at = f"{name} at revision {revision}" if revision else name
    fetch = f"hf download {name}" + (f" --revision {revision}" if revision else "")
    if constants.HF_HUB_OFFLINE:
        raise Refused(
            f"model.base {at} is not in the Hugging Face cache {constants.HF_HUB_CACHE}, and HF_HUB_OFFLINE forbids "
            f"fetching it; run `{fetch}` with a connection, or unset HF_HUB_OFFLINE"
        )
    try:
        return Path(snapshot_download(name, **files))
    except GatedRepoError as error:
        raise Refused(
            f"Hugging Face requires a login for model.base {at}. Accept the model's terms at "
            f"https://huggingface.co/{name} and set HF_TOKEN"
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise Refused(f"model.base {at} is neither a folder here nor on Hugging Face; check the spelling") from error
    except (LocalEntryNotFoundError, OSError) as error:
        if is_unresolved(error):
            raise Refused(
                f"model.base {at} is not in the Hugging Face cache {constants.HF_HUB_CACHE}, and the name of Hugging "
                f"Face's server cannot be resolved. {fetch_elsewhere(name, revision)}"
            ) from error
        raise Retry(
            f"model.base {at} is not in the Hugging Face cache {constants.HF_HUB_CACHE}, and Hugging Face cannot be "
            f"reached ({type(error).__name__}). {fetch_elsewhere(name, revision)}"
        ) from error


def stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Return names, sizes and modification times of the files in a folder."""
    found = [(file.name, file.stat()) for file in sorted(folder.iterdir()) if file.is_file()]
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in found)
