# ruff: noqa: E501
"""Whatever stands in a field, the answer is a federation or its errors, and never another exception."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from federation_files import write
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from fedtrain.api.reading import FieldError, Invalid, read_file
from fedtrain.cli.validation import found_error
from fedtrain.contracts.as_json import as_json

STRANGE: list[Any] = [
    None, 0, -1, True, 1.5, 10**30, float("inf"), "", "x", "None", "8", "(", "1e400", "\x00", "é" * 50, "x" * 300,
    [], {}, [[]], [None], ["x"], {"a": 1}, [{"name": "x"}], {"name": None},
    "s3://", "file://", "~nobody/x", "./" + "x" * 300, "/", "http://[::1", "https://me:secret@[",
]  # fmt: skip

FULL = {
    "model": '  model: {base: ./base, adapter: {targetModules: {type: Names, names: [q, v]}, initialFrom: {uri: adapter, digest: "blake3:%s"}}}'
    % ("0" * 64),
    "participants": "  participants: [{name: bank-a, weight: 1, compute: {nodes: 2, gpuMemory: 1Gi}, training: {microBatchSize: 2}}, {name: bank-b, weight: 1}]",
    "partitioning": "  partitioning: {strategy: DataVolumeAndGPUMemory, dataVolumeAndGPUMemory: {gpuMemory: 4Gi}, onExhausted: Clip}",
    "aggregation": "  aggregation: {strategy: FedAdam, weights: Fixed, fedAdam: {tau: 1}, maxUpdateNorm: {type: Absolute, norm: 1}}",
    "evaluation": "  evaluation: {hub: {data: {uri: test.jsonl}, metrics: [{name: e, type: ExactMatch, exactMatch: {pattern: (a)}}]}}",
    "storage": "  storage: {type: S3, s3: {bucket: runs, endpoint: 'https://store', caFile: ca.pem}}",
}  # fmt: skip


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from paths(item, (*path, key))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("federation"), **FULL)


@pytest.fixture(scope="module")
def documents(file: Path) -> list[Any]:
    assert read_file(file).training.spec.storage.type == "S3"
    return list(YAML(typ="safe").load_all(file))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_strange_values_missing_and_unknown_fields_are_errors(file: Path, documents: list[Any], data: st.DataObject):
    changed = copy.deepcopy(documents)
    for _ in range(data.draw(st.integers(1, 3))):
        *around, last = data.draw(st.sampled_from(list(paths(changed))))
        place = changed
        for step in around:
            place = place[step]
        match data.draw(st.sampled_from(["replace", "remove", "add"])):
            case "remove" if around:
                del place[last]
            case "add" if isinstance(place, dict):
                place[data.draw(st.sampled_from(["steps", "nam", "type"]))] = copy.deepcopy(
                    data.draw(st.sampled_from(STRANGE))
                )
            case _:
                place[last] = copy.deepcopy(data.draw(st.sampled_from(STRANGE)))
    text = "\n---\n".join(json.dumps(document).replace("Infinity", ".inf") for document in changed)
    broken = file.with_name("broken.yaml")
    broken.write_text(text)
    try:
        read_file(broken)
        errors: tuple[FieldError, ...] = ()
    except Invalid as invalid:
        errors = invalid.errors
    assert all(error.message and (error.line > 0 or error.path == ()) for error in errors)
    json.dumps(as_json([found_error(error) for error in errors]), allow_nan=False)
