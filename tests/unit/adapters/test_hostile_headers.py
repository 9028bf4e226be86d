"""Headers of files that another party sent: nothing is believed, and the error says what is wrong."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedtrain.adapters.errors import AdapterFileError
from fedtrain.adapters.header import MAX_HEADER, read_header


class Source:
    def __init__(self, content: bytes, size: int | None = None) -> None:
        self.content = content
        self.size = len(content) if size is None else size

    def read(self, offset: int, length: int) -> bytes:
        assert length <= MAX_HEADER, "no more than a header is ever asked for"
        return self.content[offset : offset + length]


def file_of(header: bytes, data: int) -> Source:
    return Source(len(header).to_bytes(8, "little") + header + b"\0" * data)


def entry(start: int, end: int, shape: list[Any] | None = None, dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": [(end - start) // 4] if shape is None else shape, "data_offsets": [start, end]}


def test_a_sound_header_is_read_and_metadata_is_not_a_tensor():
    header = json.dumps({"__metadata__": {"format": "pt"}, "b": entry(0, 8), "a": entry(8, 16, [2, 1])}).encode()
    entries = read_header(file_of(header, 16), "update")
    assert list(entries) == ["a", "b"]
    assert (entries["a"].start, entries["a"].length, entries["a"].shape) == (8 + len(header) + 8, 8, (2, 1))


@pytest.mark.parametrize(
    ("tensors", "data", "words"),
    [
        ({"a": entry(0, 8), "b": entry(4, 12)}, 12, "tensor 'b' overlaps"),
        ({"a": entry(0, 8), "b": entry(0, 8)}, 8, "tensor 'b' overlaps"),
        ({"a": entry(0, 4), "b": entry(8, 12)}, 12, "tensor 'b' leaves a gap"),
        ({"a": entry(0, 8)}, 4, "end at byte"),
        ({"a": entry(0, 8)}, 12, "end at byte"),
        ({"a": entry(8, 4, [1])}, 8, "invalid data_offsets"),
        ({"a": {**entry(0, 4), "data_offsets": [-4, 0]}}, 4, "data_offsets"),
        ({"a": {**entry(0, 4), "data_offsets": [0]}}, 4, "data_offsets"),
        ({"a": {**entry(0, 4), "data_offsets": [0, 2**63]}}, 4, "data_offsets"),
        ({"a": {**entry(0, 4), "data_offsets": [0, 4.0]}}, 4, "data_offsets"),
        ({"a": entry(0, 8, [3])}, 8, r"has 8 bytes; F32 of shape \[3\] takes 12"),
        ({"a": entry(0, 8, [2**40, 2**40])}, 8, "takes"),
        ({"a": entry(0, 4, [-1])}, 4, "invalid shape"),
        ({"a": entry(0, 4, [True])}, 4, "invalid shape"),
        ({"a": entry(0, 4, [1] * 9)}, 4, "invalid shape"),
        ({"a": {**entry(0, 4), "shape": "1"}}, 4, "invalid shape"),
        ({"a": entry(0, 4, dtype="F31")}, 4, "dtype 'F31'"),
        ({"a": entry(0, 4, dtype=["F32"])}, 4, "dtype"),
        ({"a": {"dtype": "F32"}}, 0, "must have dtype, shape and data_offsets"),
        ({"a": {**entry(0, 4), "extra": 1}}, 4, "nothing else"),
        ({"a": 3}, 0, "must have dtype"),
        ([], 0, "not a JSON object"),
        ("text", 0, "not a JSON object"),
    ],
)
def test_a_header_that_does_not_add_up_is_refused(tensors: object, data: int, words: str):
    with pytest.raises(AdapterFileError, match=rf"anna's update can't be read: .*{words}"):
        read_header(file_of(json.dumps(tensors).encode(), data), "anna's update")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "0 bytes"),
        (b"\0" * 7, "7 bytes"),
        ((10**9).to_bytes(8, "little") + b"{}", "its header claims 1000000000 bytes"),
        ((2**64 - 1).to_bytes(8, "little") + b"{}", "claims"),
        ((0).to_bytes(8, "little"), "not valid JSON"),
        (file_of(b"{", 0).content, "not valid JSON"),
        (file_of(b"\xff\xfe", 0).content, "not valid JSON"),
        (file_of(b"[" * 200_000, 0).content, "not valid JSON"),
        (file_of(b'{"a":' * 100_000, 0).content, "not valid JSON"),
        (file_of(b'{"a":' + b"9" * 10_000 + b"}", 0).content, "not valid JSON"),
        (file_of(b'{"a":1,"b":2,"a":3}', 0).content, "names 'a' more than once"),
    ],
)
def test_a_file_that_is_not_a_safetensors_file_is_refused(content: bytes, words: str):
    with pytest.raises(AdapterFileError, match=words):
        read_header(Source(content), "update")


def test_a_giant_header_is_not_even_read():
    source = Source((MAX_HEADER + 1).to_bytes(8, "little"), size=MAX_HEADER * 4)
    with pytest.raises(AdapterFileError, match=f"at most {MAX_HEADER} are read"):
        read_header(source, "update")


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=200), honest=st.booleans())
def test_any_bytes_give_a_header_or_the_one_error(content: bytes, honest: bool):
    source = file_of(content, 0) if honest else Source(content)
    with suppress(AdapterFileError):
        entries = read_header(source, "update")
        assert sum(entry.length for entry in entries.values()) < source.size
