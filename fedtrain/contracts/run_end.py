"""Objects of the ledger that end a run: `failures/<number>.json` and `end.json`."""

from typing import Literal

from fedtrain.contracts.record import Record
from fedtrain.contracts.record_fields import Digest


class Failure(Record):
    """`failures/<number>.json`: the run stopped. Applying the file again resumes it in the next epoch."""

    number: int
    round: int
    reason: str
    message: str


class End(Record):
    """`end.json`: the run has finished. Applying the file again changes nothing. `Halted`: before its last
    round, because the privacy budget allows no further one or the gate rejected too many; `message` says which. With
    `rounds.earlyStopping`, a run that `Succeeded` may have ended before its last round, too."""

    outcome: Literal["Succeeded", "Halted"]
    message: str | None = None
    round: int
    adapter: Digest
    manifest: Digest
