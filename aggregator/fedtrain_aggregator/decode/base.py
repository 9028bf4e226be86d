"""The interface of the decode stage: how an update's file keeps its values."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Codec(Protocol):
    """Decodes any range of an update's values. Implementations hold no state, so that threads share them."""

    first_byte: int
    """Where the values start; all bytes before are header."""

    def span(self, start: int, count: int) -> tuple[int, int]:
        """Return (offset, length) in bytes of `count` values from number `start` on."""
        ...

    def decode(self, content: bytes | memoryview) -> NDArray[np.float32]:
        """Return the values that these bytes hold, read-only. They may be a view of `content`."""
        ...
