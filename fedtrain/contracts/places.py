"""The three places that a task reads and writes, each with its own credentials: ledger, base model, data.

Everyone who starts a task resolves its places here: the coordinator for the hub's tasks, a participant's policy for its
own, and `fedtrain run` for both. No place ever uses the credentials of another.
"""

from collections.abc import Iterable
from typing import Literal

from fedtrain.api.base import Block, Text
from fedtrain.api.evaluation import EvaluationData
from fedtrain.api.model import Model
from fedtrain.api.participant_policy import Dataset, ParticipantPolicySpec
from fedtrain.api.storage import S3Access, Storage

PlaceName = Literal["ledger", "base", "data"]

CREDENTIALS_FOLDER = "FEDTRAIN_CREDENTIALS"
"""Environment variable with the folder of mounted Secrets: one folder per place, with one file per key."""


class Place(Block):
    """Access to the buckets of one place. `setting`: the field that declares it, for messages; None if no file does.
    `number`: position of the data set in the task, from 1."""

    name: PlaceName
    number: int = 1
    s3: S3Access = S3Access()
    setting: Text | None = None

    @property
    def folder(self) -> str:
        """Folder of the mounted Secret with the credentials."""
        return self.name if self.number == 1 else f"{self.name}-{self.number}"


class Places(Block):
    """The places of one task. `base` also holds the adapter that a run starts from. `data`: one for each data set, none
    for tasks that read no rows."""

    ledger: Storage
    base: Place
    data: tuple[Place, ...] = ()


def places_of_hub(storage: Storage, model: Model, held_out: EvaluationData | None = None) -> Places:
    """Return the places of a task at the hub. `held_out`: the rows that it evaluates on."""
    data = (_place("data", held_out.s3, "evaluation.hub.data.s3"),) if held_out is not None else ()
    return Places(ledger=storage, base=_place("base", model.s3, "model.s3"), data=data)


def places_of_participant(
    storage: Storage, model: Model, policy: ParticipantPolicySpec, datasets: Iterable[Dataset]
) -> Places:
    """Return the places of a participant's task. The policy's access to base models replaces the training's."""
    own = policy.base_model
    base = _place("base", own.s3, "baseModel.s3") if own is not None else _place("base", model.s3, "model.s3")
    data = (
        _place("data", dataset.s3, f"datasets[{dataset.name}].s3", number)
        for number, dataset in enumerate(datasets, start=1)
    )
    return Places(ledger=storage, base=base, data=tuple(data))


def _place(name: PlaceName, s3: S3Access | None, setting: str, number: int = 1) -> Place:
    """A place without access of its own uses the environment."""
    return Place(name=name, number=number, s3=s3 or S3Access(), setting=setting)
