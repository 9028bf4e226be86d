"""Objects of the ledger that claim noise before it is drawn, so that no draw is left out of the privacy budget."""

from typing import Annotated

from pydantic import Field

from fedtrain.contracts.record import Record
from fedtrain.contracts.record_fields import Multiplier
from fedtrain.contracts.untrusted_records import ParticipantRecord


class Spend(Record):
    """`spend-<k>.json`: the noise of close k is drawn, or never will be. Written before any noisy byte exists.
    `multiplier`: noise multiplier of the release; None if the coordinator ended the round without this close. `seed`:
    of the noise, 64 hex digits; None if the participants have added it. Only the hub may read it: noise with a known
    seed can be subtracted."""

    round: int
    k: int
    multiplier: Multiplier | None = None
    seed: Annotated[str | None, Field(pattern=r"^[0-9a-f]{64}$", repr=False)] = None


class NoiseDraw(ParticipantRecord):
    """`noise.json` of an attempt: one execution has drawn the noise of its update. Written before any noisy byte leaves
    the participant. Another execution of the attempt would draw other noise, which the budget does not count, so it
    sends nothing. `execution`: with unit Example, a random number; of a share of the noise, the first 32 hex digits of
    the noisy update's digest, so that an execution with the same update may send it again."""

    round: int
    participant: str
    attempt: int
    execution: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
