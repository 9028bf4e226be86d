"""Judges whether a folder contains a base model, wherever one is named: in a file, and in the options of commands."""

from pathlib import Path

from fedtrain.api.places import closed_folder, is_file

ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
"""Files of an adapter in PEFT format."""
CONFIG = "config.json"


def not_a_base(folder: Path) -> str | None:
    """Return what an existing folder has instead of a base model, to follow "contains"; None for a base model, and if
    the folder may not be opened."""
    if is_file(folder / CONFIG) or closed_folder(folder / CONFIG) is not None:
        return None
    return "an adapter, not a base model" if is_file(folder / ADAPTER_FILES[0]) else f"no {CONFIG}"
