"""The owner's ledger of privacy: the noisy releases of all trainings on a data set. Pure.

On a cluster it is a ConfigMap in the participant's namespace, without an owner reference, so it outlives the chart. Its
keys are `<participant>.<data set>.<run id>`, and data sets of the policy whose locations overlap share one sum.
`fedtrain run` keeps it in files beside the data, see `fedtrain.runner.privacy_files`. A round is entered before its
task starts and never removed: what the hub does with the update cannot be seen from here.
"""

from collections.abc import Collection, Iterable, Mapping
from posixpath import normpath
from typing import Literal

from fedtrain.api.base import Block
from fedtrain.api.participant_policy import Dataset
from fedtrain.api.places import scheme
from fedtrain.contracts.canonical import canonical_json
from fedtrain.contracts.digests import digest_bytes
from fedtrain.contracts.record_fields import MAX_COUNT, Counted, Digest
from fedtrain.contracts.tasks import Task, Train
from fedtrain.privacy.accounting import Poisson, Release
from fedtrain.privacy.noise_shares import share_multiplier

CONFIG_MAP = "fedtrain-privacy"
Unit = Literal["Participant", "Example"]


class LedgerUnreadable(Exception):
    """An entry cannot be read, so the privacy loss is not known."""


class Entry(Block):
    """The releases of one training. `releases`: count by noise multiplier as text; `1.1/0.02` is a step with unit
    Example, in which each row is with probability 0.02. `shares`: count of updates that the hub may have seen with one
    share of the noise, by the multiplier of that share. `unshared`: the releases that are not sums of such updates;
    None: all of them. `round`, `plan`, `start`, `release`, `count`: those of the newest task that was entered. `plan`:
    where participants share the noise, the digest of the whole task without its attempt. `start`: where the participant
    draws the noise, what started the task; None if it is never started twice."""

    namespace: str
    name: str
    dataset: str
    unit: Unit
    releases: Mapping[str, Counted]
    shares: Mapping[str, Counted] = {}
    unshared: Mapping[str, Counted] | None = None
    round: int
    plan: Digest | None = None
    start: str | None = None
    release: str | None = None
    count: Counted | None = None


def promised(task: Task) -> tuple[Unit, float] | None:
    """Return unit and noise multiplier of a task that trains; None if it has no noise, or noise of a known seed. With
    unit Example, the participant draws the noise, so the task itself is the promise, and words of the hub are none."""
    if not isinstance(task.work, Train):
        return None
    if task.work.example_noise is not None:
        known = task.work.testing_seed is not None
        return None if known else ("Example", task.work.example_noise.multiplier)
    hub, share = task.privacy, task.work.noise
    if hub is None or hub.unit != "Participant" or (share is not None and share.testing_seed is not None):
        return None
    return "Participant", hub.multiplier


def adds_noise(task: Task) -> bool:
    """Whether the participant clips and adds secret noise itself, so that nothing leaves it without noise."""
    if not isinstance(task.work, Train) or promised(task) is None:
        return False
    return task.work.example_noise is not None or task.work.noise is not None


def key_of(task: Task, dataset: str) -> str:
    """Return the key of a training's entry for a data set that it uses."""
    return f"{task.participant}.{dataset}.{task.run_id}"


def run_of(key: str) -> str:
    """Return the run id of a key, which begins with the names of the participant and the data set; these have no
    dots."""
    return key.split(".", 2)[2]


def entries_of(data: Mapping[str, str], participant: str) -> dict[str, Entry]:
    """Return the participant's entries by key. Raises LedgerUnreadable."""
    found: dict[str, Entry] = {}
    for key, text in data.items():
        if key.partition(".")[0] != participant:  # names of participants have no dots
            continue
        try:
            found[key] = checked(Entry.model_validate_json(text))
        except ValueError as error:
            raise LedgerUnreadable(
                f"entry {key} of ConfigMap {CONFIG_MAP} cannot be read. Restore it from a backup: without it, the "
                "privacy loss of the data is not known"
            ) from error
    return found


def checked(entry: Entry) -> Entry:
    """Return the entry. Raises ValueError if one of its releases cannot be read."""
    for text in (*entry.releases, *entry.shares, *(entry.unshared or ())):
        release_of(text)
    return entry


def entered(entries: Mapping[str, Entry], task: Task, start: str | None = None) -> dict[str, Entry]:
    """Return a training's entries with the round of `task`, by key: one for each of its data sets; none if the task
    promises no privacy. With unit Participant, attempts of one plan are one release: the hub aggregates one of them,
    and a share of the noise is drawn once for an update. What the hub says that it has released counts if it is more.

    With unit Example, each start draws other noise and is as many releases as the task has steps, also if the hub has
    deleted an identical task, or what it recorded of an earlier draw. `start`: an id with which the same start is
    entered again, because its job could not be created; None for a new start.

    A task with other noise or steps than the newest one counts in addition, whatever its number: the hub chooses the
    numbers."""
    promise = promised(task)
    if promise is None or not isinstance(task.work, Train):
        return {}
    keys = {name: key_of(task, name) for name in task.data.names}
    return {key: _entry(entries.get(key), task, task.work, name, promise, start) for name, key in keys.items()}


def _entry(
    before: Entry | None, task: Task, work: Train, dataset: str, promise: tuple[Unit, float], start: str | None
) -> Entry:
    noise, share, unit = work.example_noise, work.noise, promise[0]
    if noise is None and share is None:
        start = None
    plan = work.plan if work.noise is None else _content(task)
    text = _text(promise[1]) if noise is None else f"{_text(noise.multiplier)}/{noise.probability!r}"
    count = 1 if noise is None else noise.steps
    same_plan = before is not None and before.plan is not None and _newest(before) == (task.round, plan, text, count)
    same_start = before is not None and before.start == start and (start is not None or not adds_noise(task))
    if before is not None and same_plan and same_start:
        return before
    counts = dict(before.releases) if before is not None else {}
    shares = dict(before.shares) if before is not None else {}
    unshared = dict(_unshared(before)) if before is not None else {}
    added = (counts,) if share is not None else (counts, unshared)
    if share is not None:
        # The smallest share that `share_flaw` accepts: the hub chooses both numbers of the task's own.
        own = _text(share_multiplier(promise[1], max(share.updates, task.min_participants or 0)))
        shares[own] = shares.get(own, 0) + 1
    for past in task.privacy.released if task.privacy is not None else ():
        reported = _text(past.multiplier)
        for total in added:
            total[reported] = max(total.get(reported, 0), past.count)
    if noise is not None or not same_plan:
        for total in added:
            total[text] = min(MAX_COUNT, total.get(text, 0) + count)  # a record may count no more
    return Entry(
        namespace=task.namespace,
        name=task.name,
        dataset=dataset,
        unit=unit,
        releases=counts,
        shares=shares,
        unshared=unshared if shares else None,
        round=task.round,
        plan=plan,
        start=start,
        release=text,
        count=count,
    )


def _content(task: Task) -> Digest:
    """Return the digest of all that an update depends on: of the same plan, the hub could ask for another update, whose
    share of the noise is another one."""
    content = task.model_copy(update={"attempt": 0, "privacy": None})
    return digest_bytes(canonical_json(content.model_dump(mode="json", by_alias=True, exclude_none=True)))


def _unshared(entry: Entry) -> Mapping[str, int]:
    return entry.releases if entry.unshared is None else entry.unshared


def _newest(entry: Entry) -> tuple[int, str | None, str | None, int | None]:
    return (entry.round, entry.plan, entry.release, entry.count)


def released(entries: Mapping[str, Entry], names: Collection[str], unit: Unit) -> dict[Release, int]:
    """Return the releases with `unit` of all trainings on the data sets `names`, which have rows in common. A training
    on several of them counts for each. Epsilons of different units cannot be added: one bounds the loss of a whole
    participant, the other that of a row."""
    total: dict[Release, int] = {}
    for entry in entries.values():
        if entry.dataset in names:
            for release, count in released_of(entry, unit).items():
                total[release] = total.get(release, 0) + count
    return total


def towards_hub(entries: Mapping[str, Entry], names: Collection[str], unit: Unit) -> dict[Release, int]:
    """Return what the trainings on data sets have released towards a hub that is not trusted with single updates:
    those with a share of the noise. Of a round in which the hub adds the noise, its promise is all that is known, and
    with unit Example, the hub sees what everyone sees."""
    total: dict[Release, int] = {}
    for entry in entries.values():
        if entry.dataset in names:
            for seen in (entry.shares, _unshared(entry)):
                for release, count in _with_unit(seen, unit).items():
                    total[release] = total.get(release, 0) + count
    return total


def sharing(datasets: Iterable[Dataset], name: str) -> frozenset[str]:
    """Return the names of the policy's data sets that have the same location as `name`, contain it, or are in it."""
    places = {dataset.name: _place(dataset.uri) for dataset in datasets}
    if name not in places:
        return frozenset({name})
    return frozenset(other for other, place in places.items() if overlap(place, places[name]))


def _place(uri: str) -> str:
    return normpath(uri.removeprefix("file://")) if scheme(uri) == "file" else uri


def overlap(one: str, other: str) -> bool:
    """Return whether one of two locations contains the other.

    >>> overlap("s3://bank/rows", "s3://bank/rows/a.jsonl"), overlap("/rows", "/rows2")
    (True, False)
    """
    shorter, longer = sorted((one.rstrip("/"), other.rstrip("/")), key=len)
    return longer == shorter or longer.startswith(f"{shorter}/")


def released_of(entry: Entry, unit: Unit) -> dict[Release, int]:
    """Return the releases with `unit` of one training, which has none of another unit unless the hub changed it. Raises
    ValueError for a multiplier that is none."""
    return _with_unit(entry.releases, unit)


def _with_unit(counts: Mapping[str, int], unit: Unit) -> dict[Release, int]:
    found = {release_of(text): count for text, count in counts.items()}
    return {release: count for release, count in found.items() if unit_of(release) == unit}


def unit_of(release: Release) -> Unit:
    """Return the unit that a release protects: rows are sampled, participants are not."""
    return "Example" if isinstance(release.sampling, Poisson) else "Participant"


def release_of(text: str) -> Release:
    """Return the release of a key of `Entry.releases`. Raises ValueError."""
    multiplier, sampled, probability = text.partition("/")
    return Release(float(multiplier), Poisson(float(probability))) if sampled else Release(float(multiplier))


def _text(multiplier: float) -> str:
    return repr(float(multiplier))
