"""The participant's ledger of privacy: the noisy releases of all trainings on its data sets. Pure.

It is a ConfigMap in the participant's namespace, without an owner reference, so it outlives the chart. Its keys are
`<participant>.<data set>.<run id>`. A round is entered before its task starts and never removed: what the hub does with
the update cannot be seen from here.
"""

from collections.abc import Mapping

from pydantic import ValidationError

from fedtrain.api.base import Block
from fedtrain.contracts.records import Counted, Digest
from fedtrain.contracts.tasks import Task, Train
from fedtrain.privacy.accounting import Release

CONFIG_MAP = "fedtrain-privacy"


class LedgerUnreadable(Exception):
    """An entry cannot be read, so the privacy loss is not known."""


class Entry(Block):
    """The releases of one training. `releases`: count by noise multiplier, as text. `round`, `plan`: the newest
    round that was entered."""

    namespace: str
    name: str
    dataset: str
    unit: str
    releases: Mapping[str, Counted]
    round: int
    plan: Digest | None = None


def key_of(task: Task) -> str:
    """Return the key of a training's entry for the data set that it uses."""
    return f"{task.participant}.{task.data.dataset}.{task.run_id}"


def entries_of(data: Mapping[str, str], participant: str) -> dict[str, Entry]:
    """Return the participant's entries by key. Raises LedgerUnreadable."""
    found: dict[str, Entry] = {}
    for key, text in data.items():
        if key.partition(".")[0] != participant:  # names of participants have no dots
            continue
        try:
            found[key] = Entry.model_validate_json(text)
            released_of(found[key])
        except (ValidationError, ValueError) as error:
            raise LedgerUnreadable(
                f"entry {key} of ConfigMap {CONFIG_MAP} cannot be read. Restore it from a backup: without it, the "
                "privacy loss of the data is not known"
            ) from error
    return found


def entered(before: Entry | None, task: Task) -> Entry | None:
    """Return a training's entry with the round of `task`; None if the task promises no privacy. Attempts of one plan
    are one release: the hub aggregates one of them. What the hub says that it has released counts if it is more."""
    promise = task.privacy
    if promise is None or not isinstance(task.work, Train):
        return None
    if before is not None and before.plan is not None and (before.round, before.plan) == (task.round, task.work.plan):
        return before
    counts = dict(before.releases) if before is not None else {}
    for past in promise.released:
        text = _text(past.multiplier)
        counts[text] = max(counts.get(text, 0), past.count)
    text = _text(promise.multiplier)
    counts[text] = counts.get(text, 0) + 1
    return Entry(
        namespace=task.namespace,
        name=task.name,
        dataset=task.data.dataset,
        unit=promise.unit,
        releases=counts,
        round=task.round,
        plan=task.work.plan,
    )


def released(entries: Mapping[str, Entry], dataset: str) -> dict[Release, int]:
    """Return the releases of all trainings on a data set."""
    total: dict[Release, int] = {}
    for entry in entries.values():
        if entry.dataset == dataset:
            for release, count in released_of(entry).items():
                total[release] = total.get(release, 0) + count
    return total


def released_of(entry: Entry) -> dict[Release, int]:
    """Return the releases of one training. Raises ValueError for a multiplier that is none."""
    return {Release(float(multiplier)): count for multiplier, count in entry.releases.items()}


def _text(multiplier: float) -> str:
    return repr(float(multiplier))
