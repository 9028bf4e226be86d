"""One open update, and what one pass over its bytes measures."""

from dataclasses import dataclass

from blake3 import blake3

from fedtrain.contracts.digests import written
from fedtrain.contracts.records import Closed
from fedtrain.contracts.untrusted_records import Update
from fedtrain.ledger.store import ObjectReader
from fedtrain_aggregator.checks.values import value_flaw
from fedtrain_aggregator.decode import Codec
from fedtrain_aggregator.engine.norm import Norm
from fedtrain_aggregator.kernels.portable import Float64
from fedtrain_aggregator.layout import Layout


@dataclass(frozen=True)
class OpenUpdate:
    """An update whose record and header passed their checks. Its values are unchecked."""

    closed: Closed
    record: Update
    reader: ObjectReader
    codec: Codec


class Measurement:
    """Digest, norm and first bad value of an update, measured while its bytes are read front to back. Publish nothing
    that depends on the update until `flaw` is None."""

    def __init__(self, update: OpenUpdate) -> None:
        self.update = update
        self._norm = Norm()
        self._bad: tuple[int, float] | None = None
        self._hasher = blake3()  # one thread: the engine reads several updates at a time
        self._hasher.update(update.reader.read(0, update.codec.first_byte))
        update.reader.release()

    def add(self, content: memoryview, square_sums: Float64, bad: tuple[int, float] | None) -> None:
        """Add the next block: its bytes, the sums of squares of its values, and (number, value) of its first bad
        value."""
        self._hasher.update(content)
        self._norm.add(square_sums)
        self._bad = self._bad or bad

    @property
    def norm(self) -> float:
        """L2 norm over all tensors."""
        return self._norm.value

    @property
    def intact(self) -> bool:
        """Whether these are the bytes that the close lists."""
        return written(self._hasher) == self.update.closed.digest

    def flaw(self, layout: Layout) -> str | None:
        """Return what is wrong with the bytes; None if nothing is."""
        if not self.intact:
            return f"its file has digest {written(self._hasher)} instead of {self.update.closed.digest}"
        return value_flaw(layout.name_at(self._bad[0]), self._bad[1]) if self._bad else None
