"""The base model's files: a directory, a hub id with its revision, or `s3://`, as a local folder."""

from pathlib import Path

from fedtrain.api.model import Model
from fedtrain.contracts.tasks import Binding
from fedtrain.data.downloads import downloaded
from fedtrain_trainer.outcome import Refused, Retry

FILES = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]


def base_folder(model: Model, binding: Binding) -> Path:
    """Where the base model's files are on this machine. Raises Refused, or Retry when the hub can't be reached."""
    base = binding.base_path or model.base
    if base.startswith("s3://"):
        folder = downloaded(base, binding.storage)
    else:
        folder = Path(base.removeprefix("file://")).expanduser()
        if not folder.exists():
            if base.startswith((".", "/", "~", "file://")) or base.count("/") > 1:
                raise Refused(f"model.base {base}: there is no such directory")
            folder = _from_hub(base, model.revision)
    if not (folder / "config.json").is_file():
        raise Refused(f"model.base {base}: no config.json in {folder}; it must be a model that transformers loads")
    if not any(folder.glob("*.safetensors")):
        raise Refused(f"model.base {base}: no *.safetensors in {folder}; save the model's weights in that format")
    return folder


def _from_hub(name: str, revision: str | None) -> Path:
    """A snapshot in the hub's cache ($HF_HOME); one that is there whole is taken without asking the hub."""
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    at = f"{name} at revision {revision}" if revision else name
    try:
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=FILES, local_files_only=True))
        if (folder / "config.json").exists() and any(folder.glob("*.safetensors")):
            return folder
    except HFValidationError as error:
        raise Refused(f"model.base {name}: neither a directory here nor a hub id: {error}") from error
    except LocalEntryNotFoundError:
        pass
    fetch = f"hf download {name}" + (f" --revision {revision}" if revision else "")
    if constants.HF_HUB_OFFLINE:
        raise Refused(
            f"model.base {at}: not in the hub's cache {constants.HF_HUB_CACHE}, and HF_HUB_OFFLINE forbids fetching "
            f"it; run `{fetch}` with a connection, or unset HF_HUB_OFFLINE"
        )
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=FILES))
    except GatedRepoError as error:
        raise Refused(f"model.base {at}: the hub wants a login for it; accept its terms and set HF_TOKEN") from error
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise Refused(f"model.base {at}: neither a directory here nor on the hub; check the spelling") from error
    except (LocalEntryNotFoundError, OSError) as error:
        raise Retry(
            f"model.base {at}: not in the hub's cache {constants.HF_HUB_CACHE}, and the hub can't be reached; run "
            f"`{fetch}` where it can, or give a directory: {error}"
        ) from error


def stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Names, sizes and times of change of a folder's files: equal as long as nobody touched them."""
    found = [(file.name, file.stat()) for file in sorted(folder.iterdir()) if file.is_file()]
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in found)
