"""Which files of a folder are from an export. All others are the user's: no command replaces or deletes them."""

import re
from pathlib import Path

from fedtrain.results.tokenizer_files import NAMES as TOKENIZER

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
CARD = "README.md"

_ADAPTER = (WEIGHTS, CONFIG, CARD, *TOKENIZER)
_MODEL = ("config.json", "generation_config.json")
_SHARD = re.compile(r"model(-\d+-of-\d+)?\.safetensors(\.index\.json)?")


def is_export(folder: Path, run_id: str) -> bool:
    """Whether the folder is an export of this run: its model card contains the run's id."""
    try:
        return run_id in (folder / CARD).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False


def files_of_export(folder: Path) -> tuple[Path, ...]:
    """Return the files in `folder` that an export writes, sorted."""
    return tuple(path for path in sorted(folder.iterdir()) if _is_written(path))


def other_files(folder: Path) -> tuple[Path, ...]:
    """Return the files and folders in `folder` that no export writes, sorted."""
    return tuple(path for path in sorted(folder.iterdir()) if not _is_written(path))


def _is_written(path: Path) -> bool:
    named = path.name in _ADAPTER or path.name in _MODEL or _SHARD.fullmatch(path.name) is not None
    return named and path.is_file() and not path.is_symlink()
