"""Uncompressed float32 values, back to back."""

import numpy as np
from numpy.typing import NDArray

from fedtrain_aggregator.layout import FLOAT32_BYTES


class Float32:
    """The values start at byte `first_byte` of the file."""

    def __init__(self, first_byte: int) -> None:
        self.first_byte = first_byte

    def span(self, start: int, count: int) -> tuple[int, int]:
        return self.first_byte + start * FLOAT32_BYTES, count * FLOAT32_BYTES

    def decode(self, content: bytes | memoryview) -> NDArray[np.float32]:
        return np.frombuffer(content, "<f4")
