"""Files of a base model's tokenizer and chat template, to put beside an adapter."""

import json
from pathlib import Path
from typing import cast

NAMES = (
    "tokenizer.json",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "added_tokens.json",
    "special_tokens_map.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "chat_template.json",
)
_CONFIG = "tokenizer_config.json"
_PATHS = ("name_or_path", "tokenizer_file", "special_tokens_map_file", "vocab_file", "merges_file")
"""Settings in which older libraries saved where the tokenizer was loaded from."""


def tokenizer_files(base: Path) -> dict[str, bytes]:
    """Return the contents of the tokenizer's files in `base` by name, without paths of the machine that saved them.
    Empty without a tokenizer. Raises OSError."""
    found = {name: (base / name).read_bytes() for name in NAMES if (base / name).is_file()}
    if _CONFIG in found:
        found[_CONFIG] = _without_paths(found[_CONFIG])
    return found


def _without_paths(content: bytes) -> bytes:
    try:
        settings: object = json.loads(content)
    except ValueError:
        return content
    if not isinstance(settings, dict) or not any(name in settings for name in _PATHS):
        return content
    items = cast("dict[str, object]", settings).items()
    kept = {name: value for name, value in items if name not in _PATHS}
    return (json.dumps(kept, indent=2, ensure_ascii=False) + "\n").encode()
