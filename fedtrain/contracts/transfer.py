"""What a participant's task may read and write with presigned requests, and how large that may be. Pure.

A signature binds the exact number of bytes. Records and telemetry have no known size, so they are padded with spaces
(which JSON ignores) to one of a few sizes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fedtrain.contracts import names
from fedtrain.contracts.record_fields import Digest
from fedtrain.contracts.task_names import TELEMETRY_FILE, noise_draw_of, record_of, telemetry_of, update_file_of
from fedtrain.contracts.tasks import Inspect, Measure, Task, Train
from fedtrain.contracts.untrusted_records import ParticipantRecord

GRANT_VARIABLE = "FEDTRAIN_TRANSFER"
"""Environment variable with the path of the mounted signed requests."""
SPOOL_VARIABLE = "FEDTRAIN_SPOOL"
"""Environment variable with the task's folder for its trained update. It outlives the pod."""
UPLOAD_VARIABLE = "FEDTRAIN_UPLOAD"
"""Environment variable of pods that upload what an earlier pod of the task has trained, and train nothing."""
RECORD_SIZES = (4 * 1024, ParticipantRecord.max_bytes)
TELEMETRY_SIZES = (16 * 1024, 256 * 1024, 2 * 1024 * 1024)
PART = 8 * 1024 * 1024
"""Bytes of a part, which is what a dropped link costs."""
MOST_PARTS = 256
"""Largest number of parts of a file: bounds the size of the signed requests. Parts of very large files are larger."""
_PADDING = b" "


@dataclass(frozen=True)
class Scope:
    """Names in the ledger. `record`: the task's record, which is written to its `names.incoming`. Only training has
    `update`, the update file, and `noise`, the claim of its noise, which is incoming as well."""

    blobs: tuple[Digest, ...]
    record: str
    update: str | None
    noise: str | None
    telemetry: str

    def created(self, run_id: str) -> tuple[str, ...]:
        """Return the names of all objects that the requests create."""
        records = (self.record, self.noise)
        incoming = (names.incoming(run_id, name) for name in records if name is not None)
        return (*incoming, *((self.update,) if self.update else ()), self.telemetry)


def scope_of(task: Task, execution: str) -> Scope:
    """Return what a task may do. `execution`: the hub's unique id of it. Raises ValueError for work that is not a
    participant's."""
    work, update, noise = task.work, None, None
    match work:
        case Inspect():
            blobs = ()
        case Train():
            blobs = (work.adapter, work.config)
            update, noise = update_file_of(task, execution), noise_draw_of(task)
        case Measure():
            blobs = (work.adapter, work.config)
        case _:
            raise ValueError(f"{work.type} work is not a participant's")
    _, record = record_of(task)
    telemetry = names.telemetry(telemetry_of(task, TELEMETRY_FILE))
    return Scope(tuple(dict.fromkeys(blobs)), record, update, noise, telemetry)


def part_sizes(size: int) -> tuple[int, ...]:
    """Return the exact sizes of the parts of a file; a single one if it is sent in one request."""
    step = max(PART, -(-size // MOST_PARTS))
    whole, rest = divmod(size, step)
    return (step,) * whole + ((rest,) if rest or not whole else ())


def padded(content: bytes, sizes: Sequence[int]) -> bytes | None:
    """Return `content` padded to the smallest of `sizes` that holds it; None if none does."""
    size = min((one for one in sizes if one >= len(content)), default=None)
    return None if size is None else content.ljust(size, _PADDING)


def unpadded(content: bytes) -> bytes:
    return content.rstrip(_PADDING)
