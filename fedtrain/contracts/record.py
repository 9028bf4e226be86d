"""What every object of the ledger has in common.

Each is written once, first writer wins, as canonical JSON (`fedtrain.ledger`), and carries the run's id. No record
depends on the wall clock, a host or a path: seconds, hosts and bytes on the wire are telemetry and live outside the
chain, so the same run writes the same digests again. Floats are finite.
"""

from typing import ClassVar

from fedtrain.api.base import Block

CONTRACT_VERSION = 1


class Record(Block):
    """Fields of every object. `max_bytes`: larger objects are not read."""

    max_bytes: ClassVar[int] = 256 * 1024 * 1024

    run_id: str
