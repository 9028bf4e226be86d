"""Compares an initial adapter on this machine with the digest in the file, and with `spec.model`."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from fedtrain.adapters.errors import AdapterFileError
from fedtrain.adapters.header import HeaderFile, TensorEntry, read_header
from fedtrain.adapters.initial_adapter import Difference, adapted_names, differences, different_targets
from fedtrain.api.model import Model
from fedtrain.api.places import scheme
from fedtrain.api.reading.errors import FieldError
from fedtrain.api.reading.federation import Federation
from fedtrain.contracts.digests import digest_file_like
from fedtrain.preview.adapter_coverage import coverage

_INITIAL = ("spec", "model", "adapter", "initialFrom")
_UNSURE = (".experts.", "vision", "visual", "audio")
"""Experts need not be linear layers, and the layers of images and sounds are not loaded for text."""
_LATER_LAYER = re.compile(r"\b(?:layers|h|blocks)\.(?!0\.)[0-9]+\.")
"""An adapter need not have what only later layers have: some predict further tokens, and are not loaded."""
_AGAIN = "Copy the adapter again, or use another one."


def initial_adapter_errors(federation: Federation, base: Sequence[TensorEntry] = ()) -> list[FieldError]:
    """Return the error of an adapter that has another digest, or all of one that `spec.model` does not describe; none
    for an adapter in a bucket. `base`: tensors of the base model, if it is on this machine."""
    model = federation.training.spec.model
    initial = model.adapter.initial_from
    if initial is None or scheme(initial.uri) != "file":
        return []
    folder = Path(federation.resolve(initial.uri))
    file = folder / "adapter_model.safetensors"
    found = digest_file_like(file, initial.digest)
    if found != initial.digest:
        message = f"{file} has changed, or is another adapter: its digest is {found}."
        fix = "Restore the file, or set this digest if the file is right."
        return [federation.error_at((*_INITIAL, "digest"), message, fix)]
    try:
        config, tensors = _config(folder / "adapter_config.json"), list(read_header(HeaderFile(file), str(file)))
    except (AdapterFileError, OSError) as error:
        return [federation.error_at((*_INITIAL, "uri"), str(error), _AGAIN)]
    different = [*differences(config, model), *_targets(tensors, model, base)]
    return [federation.error_at(("spec", "model", *one.field), one.message, one.fix) for one in different]


def _config(file: Path) -> dict[str, Any]:
    """Raises OSError, AdapterFileError."""
    try:
        found: object = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise AdapterFileError(f"{file} is not a JSON object.")
    return cast("dict[str, Any]", found)


def _targets(tensors: Sequence[str], model: Model, base: Sequence[TensorEntry]) -> Iterator[Difference]:
    """Which layers AllLinear means, only the base model says, and not always its weights: see `_UNSURE`."""
    targets = model.adapter.target_modules
    if targets.type == "Names":
        wanted = {name.rpartition(".")[2] for name in targets.names or ()}
    elif not base or any(word in one.name for one in base for word in _UNSURE):
        return
    else:
        first = [one for one in base if not _LATER_LAYER.search(one.name)]
        later = set(coverage(base, model.adapter).names) & adapted_names(tensors)
        wanted = set(coverage(first, model.adapter).names) | later
    if (different := different_targets(tensors, wanted, model)) is not None:
        yield different
