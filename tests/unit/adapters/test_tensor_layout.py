"""The layout of tensor files: equal to that of the safetensors package, whatever the order of the tensors."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from fedtrain.adapters.layout import lay_out, size_of

DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "|u1", "BOOL": "|b1"}

Tensors = dict[str, tuple[str, tuple[int, ...]]]

TENSORS = st.dictionaries(
    st.text(min_size=1, max_size=20).filter(lambda name: name != "__metadata__" and name.isprintable()),
    st.tuples(st.sampled_from(sorted(DTYPES)), st.lists(st.integers(0, 4), max_size=3).map(tuple)),
    max_size=6,
)


@settings(max_examples=40, deadline=None)
@given(tensors=TENSORS)
def test_header_positions_and_size_are_those_of_the_safetensors_package(tensors: Tensors) -> None:
    arrays = {name: filled(*described, number) for number, (name, described) in enumerate(tensors.items(), start=1)}
    written = save(arrays, {"format": "pt"})
    header, entries = lay_out(dict(reversed(tensors.items())))
    assert written.startswith(header)
    assert size_of(tensors) == len(written)
    for name, entry in entries.items():
        content = written[entry.start : entry.start + entry.length]
        np.testing.assert_array_equal(np.frombuffer(content, DTYPES[entry.dtype]).reshape(entry.shape), arrays[name])


def filled(dtype: str, shape: tuple[int, ...], number: int) -> np.ndarray[Any, Any]:
    return np.full(shape, number % 2 if dtype == "BOOL" else number, DTYPES[dtype])
