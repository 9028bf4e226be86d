"""Fingerprint of a base model's files: which settings, tokenizer and weights it has.

Finds files that somebody changed or confused by accident, at the cost of a few small reads for each tensor: of the
weights, it covers names, types and shapes of all tensors, and `SAMPLE` bytes from the middle of each. Training changes
these, but somebody who wants to change others unseen can. It does not depend on the folder, on times of files, or on
how tensors are divided into files.
"""

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, cast

from fedtrain.adapters.errors import AdapterFileError
from fedtrain.adapters.header import LENGTH_BYTES, METADATA, HeaderFile, header_bytes
from fedtrain.contracts.base_fingerprint import BaseFingerprint
from fedtrain.contracts.canonical import canonical_json
from fedtrain.contracts.digests import Source, digest_bytes, digest_file
from fedtrain.contracts.record_fields import Digest
from fedtrain.data.base_files import TOKENIZERS, weight_files
from fedtrain.data.errors import DataError
from fedtrain.listing import listed

SAMPLE = 4096
"""Bytes of each tensor that are read."""
FIX = "Put the original files back, or start a run with another `metadata.name`"
_SETTINGS = ("config.json", "generation_config.json")
_TOKENIZER = (
    *TOKENIZERS,
    *("merges.txt", "added_tokens.json", "special_tokens_map.json", "tokenizer_config.json"),
    *("chat_template.jinja", "chat_template.json"),
)
_LARGE = ("tokenizer.json", "vocab.json")
"""JSON files that are compared byte by byte."""
_WITHOUT_EFFECT = ("transformers_version", "dtype", "torch_dtype", "name_or_path")
"""Fields of settings that say where a model was saved, or that a run sets itself."""
_READERS = 16
"""Reads at the same time: each waits for a server or a disk."""
_PARTS = {"settings": "settings", "tokenizer": "tokenizer or chat template files", "weights": "weights"}


def fingerprint_in(folder: Path) -> BaseFingerprint:
    """Return the fingerprint of the base model in `folder`. Raises DataError, OSError."""
    return fingerprint(folder, {name: HeaderFile(folder / name) for name in weight_files(folder)})


def fingerprint(folder: Path, weights: Mapping[str, Source]) -> BaseFingerprint:
    """Return the fingerprint of a base model whose settings and tokenizer are in `folder`. `weights`: its files of
    weights, by name. Raises DataError, and what reading raises."""
    return BaseFingerprint(
        settings=_digest_of_files(folder, _SETTINGS),
        tokenizer=_digest_of_files(folder, _TOKENIZER),
        weights=_digest_of_weights(weights),
    )


def fingerprint_of_tokenizer(folder: Path) -> BaseFingerprint:
    """Return the part of the fingerprint that is of the tokenizer and the chat template in `folder`. Raises OSError."""
    return BaseFingerprint(tokenizer=_digest_of_files(folder, _TOKENIZER))


def why_other_base(base: str, recorded: BaseFingerprint, found: BaseFingerprint) -> str | None:
    """Return how a base model differs from the one that a run began with; None if it does not. `FIX` says what to do.
    `base`: its field or option and its name."""
    differing = [
        text
        for part, text in _PARTS.items()
        if None not in (before := getattr(recorded, part), now := getattr(found, part)) and before != now
    ]
    if not differing:
        return None
    return (
        f"{base}: its {listed(differing)} differ from those that round 0 recorded. The files changed since "
        "then, or it is another model"
    )


def _digest_of_files(folder: Path, names: Iterable[str]) -> Digest:
    return digest_bytes(canonical_json({name: _digest(folder / name) for name in names if (folder / name).is_file()}))


def _digest(file: Path) -> Digest:
    """Digest of a file; of small JSON, whatever its order and whitespace, without fields that have no effect."""
    if file.suffix == ".json" and file.name not in _LARGE:
        try:
            return digest_bytes(canonical_json(_with_effect(json.loads(file.read_bytes()))))
        except (ValueError, RecursionError):  # not JSON
            pass
    return digest_file(file)


def _with_effect(value: object) -> object:
    if isinstance(value, list):
        return [_with_effect(one) for one in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    fields = cast("dict[str, object]", value).items()
    return {name: _with_effect(one) for name, one in fields if not name.startswith("_") and name not in _WITHOUT_EFFECT}


class _Tensor(NamedTuple):
    """`start`: offset of its bytes in `file`."""

    name: str
    dtype: str
    shape: list[int]
    file: Source
    start: int
    length: int


def _digest_of_weights(files: Mapping[str, Source]) -> Digest:
    with ThreadPoolExecutor(_READERS) as readers:
        tensors = [one for found in readers.map(_tensors, files.items()) for one in found]
        samples = list(readers.map(_sample, tensors))
    content = [[one.name, one.dtype, one.shape, sample] for one, sample in zip(tensors, samples, strict=True)]
    return digest_bytes(canonical_json(sorted(content, key=canonical_json)))


def _tensors(named: tuple[str, Source]) -> list[_Tensor]:
    """Return the tensors of a file. Accepts every dtype, because the model's library decides what it can load."""
    name, file = named
    try:
        header = header_bytes(file, name)
        entries = cast("dict[str, dict[str, Any]]", json.loads(header))
        entries.pop(METADATA, None)
        begin = LENGTH_BYTES + len(header)
        return [
            _Tensor(tensor, entry["dtype"], entry["shape"], file, begin + entry["data_offsets"][0], _length(entry))
            for tensor, entry in entries.items()
        ]
    except AdapterFileError as error:
        raise DataError(f"model.base: {error}".rstrip("."), "copy the base model again") from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"model.base: {name} has an invalid header", "copy the base model again") from error


def _length(entry: Mapping[str, Any]) -> int:
    start, end = entry["data_offsets"]
    return end - start


def _sample(tensor: _Tensor) -> Digest:
    length = min(tensor.length, SAMPLE)
    start = tensor.start + (tensor.length - length) // 2
    return digest_bytes(tensor.file.read(start, length) if length else b"")
