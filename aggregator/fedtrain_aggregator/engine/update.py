"""One open update, and what one pass over its bytes measures."""

from dataclasses import dataclass

from blake3 import blake3

from fedtrain.contracts.digests import written
from fedtrain.contracts.records import Closed, Update
from fedtrain.ledger.store import ObjectReader
from fedtrain_aggregator.checks.values import value_flaw
from fedtrain_aggregator.decode import Codec
from fedtrain_aggregator.engine.norm import Norm
from fedtrain_aggregator.kernels import Sums
from fedtrain_aggregator.kernels.portable import Checks
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
    that depends on the update until `flaw` is None.

    In a second pass, `earlier` is the measurement of the first. The bytes are not hashed again, which would take most
    of the time of the pass: their checksums must be those of the first pass."""

    def __init__(self, update: OpenUpdate, earlier: "Measurement | None" = None) -> None:
        self._expected = update.closed.digest
        self._earlier = earlier
        self._norm = Norm()
        self._bad: tuple[int, float] | None = None
        self._checksums = blake3()
        self._hasher = blake3()  # one thread: the engine reads several updates at a time
        if earlier is None:
            self._hasher.update(update.reader.read(0, update.codec.first_byte))
            update.reader.release()

    def add(self, content: memoryview, sums: Sums, bad: tuple[int, float] | None) -> None:
        """Add the next block: its bytes, the sums of its values, with checksums if it is read twice, and (number,
        value) of its first bad value."""
        self._hasher.update(content)
        if sums.checks is not None:
            self._checksums.update(sums.checks.tobytes())
        self._norm.add(sums.squares)
        self._bad = self._bad or bad

    def add_again(self, checks: Checks) -> None:
        """Add the next block of a second pass: its checksums."""
        self._checksums.update(checks.tobytes())

    @property
    def norm(self) -> float:
        """L2 norm over all tensors."""
        return self._earlier.norm if self._earlier is not None else self._norm.value

    def flaw(self, layout: Layout) -> str | None:
        """Return what is wrong with the bytes; None if nothing is."""
        if self._earlier is not None:
            changed = self._checksums.digest() != self._earlier._checksums.digest()
            return "its file changed while it was read" if changed else self._earlier.flaw(layout)
        found = written(self._hasher)
        if found != self._expected:
            return f"its file has digest {found} instead of {self._expected}"
        return value_flaw(layout.name_at(self._bad[0]), self._bad[1]) if self._bad else None
