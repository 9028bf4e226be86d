"""Files of tensors: equal tensors give equal bytes, whoever writes them, and they read back as they were."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save

from fedtrain.adapters.errors import AdapterFileError
from fedtrain.adapters.tensor_file import NUMPY, TensorFile
from fedtrain.adapters.tensor_writer import TensorWriter, write_tensors
from fedtrain.ledger.file_store import FileStore

Tensors = dict[str, np.ndarray[Any, Any]]


class InMemory:
    """A source that counts the bytes that were asked for."""

    def __init__(self, content: bytes) -> None:
        self.content, self.size, self.asked = content, len(content), 0

    def read(self, offset: int, length: int) -> bytes:
        self.asked += length
        return self.content[offset : offset + length]


def arrays(shape: list[int], dtype: str, seed: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 2, shape).astype(NUMPY[dtype])


TENSORS = st.dictionaries(
    st.text(min_size=1, max_size=20).filter(lambda name: name != "__metadata__" and name.isprintable()),
    st.builds(
        arrays,
        st.lists(st.integers(0, 4), max_size=3),
        st.sampled_from(sorted(NUMPY)),
        st.integers(0, 99),
    ),
    max_size=6,
)


@settings(max_examples=25, deadline=None)
@given(tensors=TENSORS)
def test_the_bytes_are_those_of_the_safetensors_package_in_any_order(
    tensors: Tensors, tmp_path_factory: pytest.TempPathFactory
):
    path = tmp_path_factory.mktemp("files") / "file"
    write_tensors(path, dict(reversed(tensors.items())))
    assert path.read_bytes() == save(tensors, {"format": "pt"})


@settings(max_examples=60, deadline=None)
@given(tensors=TENSORS, elements=st.integers(1, 9))
def test_tensors_read_back_whole_and_in_blocks(tensors: Tensors, elements: int):
    file = TensorFile(InMemory(save(tensors)), "update.safetensors")
    assert list(file.entries) == sorted(tensors)
    for name, tensor in tensors.items():
        assert (file.entries[name].shape, file.entries[name].elements) == (tensor.shape, tensor.size)
        np.testing.assert_array_equal(file.read(name), tensor)
        blocks = list(file.blocks(name, elements))
        assert all(len(block) <= elements for block in blocks)
        assert sum(len(block) for block in blocks) == tensor.size
        if blocks:
            np.testing.assert_array_equal(np.concatenate(blocks), tensor.reshape(-1))


def test_a_tensor_is_read_without_the_rest_of_the_file():
    source = InMemory(save({"large": np.zeros(100_000, np.float32), "small": np.ones(3, np.float32)}))
    file = TensorFile(source, "update.safetensors")
    assert file.read("small").tolist() == [1.0, 1.0, 1.0]
    assert source.asked < 1000


def test_a_file_in_a_folder_is_read_in_place(tmp_path: Path):
    write_tensors(tmp_path / "file", {"a": np.arange(5, dtype=np.float32)})
    store = FileStore(tmp_path / "runs")
    store.create("update", tmp_path / "file")
    tensor = TensorFile(store.open("update"), "update").read("a")
    assert tensor.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert not tensor.flags.writeable
    assert not tensor.flags.owndata


def test_pieces_make_the_same_file_as_whole_tensors(tmp_path: Path):
    tensors = {"b": np.arange(12, dtype=np.float32).reshape(3, 4), "a": np.arange(6, dtype=np.float32)}
    write_tensors(tmp_path / "whole", tensors)
    with TensorWriter(tmp_path / "pieces", {name: ("F32", tensor.shape) for name, tensor in tensors.items()}) as writer:
        assert writer.order == ("a", "b")
        for name in writer.order:
            for start in range(0, tensors[name].size, 5):
                writer.write(name, tensors[name].reshape(-1)[start : start + 5])
    assert (tmp_path / "pieces").read_bytes() == (tmp_path / "whole").read_bytes()


def test_a_transposed_tensor_is_written_as_it_reads(tmp_path: Path):
    tensor = np.arange(6, dtype=np.float32).reshape(2, 3).T
    write_tensors(tmp_path / "file", {"a": tensor})
    np.testing.assert_array_equal(load_file(tmp_path / "file")["a"], tensor)


def wrong_order(writer: TensorWriter) -> None:
    writer.write("b", np.zeros(2, np.float32))


def too_much(writer: TensorWriter) -> None:
    writer.write("a", np.zeros(3, np.float32))


def wrong_dtype(writer: TensorWriter) -> None:
    writer.write("a", np.zeros(2, np.int32))


def unknown(writer: TensorWriter) -> None:
    writer.write("c", np.zeros(2, np.float32))


def half(writer: TensorWriter) -> None:
    writer.write("a", np.zeros(2, np.float32))


def fails(writer: TensorWriter) -> None:
    raise AdapterFileError("the caller's own")


@pytest.mark.parametrize("act", [wrong_order, too_much, wrong_dtype, unknown, half, fails])
def test_a_file_that_was_not_written_whole_does_not_appear(tmp_path: Path, act: Callable[[TensorWriter], None]):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with pytest.raises(AdapterFileError), TensorWriter(path, {"a": ("F32", (2,)), "b": ("F32", (2,))}) as writer:
        act(writer)
    assert path.read_bytes() == b"before"
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_a_dtype_without_a_name_is_refused(tmp_path: Path):
    with pytest.raises(AdapterFileError, match=r"Tensor 'a' is complex64"):
        write_tensors(tmp_path / "file", {"a": np.zeros(2, np.complex64)})


def test_a_tensor_that_numpy_cannot_hold_is_described_and_not_read():
    header = b'{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}'
    file = TensorFile(InMemory(len(header).to_bytes(8, "little") + header + b"\0" * 4), "update.safetensors")
    assert file.entries["a"].dtype == "BF16"
    with pytest.raises(AdapterFileError, match=r"update\.safetensors: tensor 'a' is BF16; save it as F32"):
        file.read("a")
    with pytest.raises(AdapterFileError, match="has no tensor 'b'"):
        file.read("b")
