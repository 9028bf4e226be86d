"""The runs in a folder or a bucket, a line each. Reads a few records of a run, not all."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from fedtrain.api.places import not_utf8
from fedtrain.api.storage import S3, File, Storage
from fedtrain.contracts import names
from fedtrain.contracts.headline_metric import Measure, headline, hub_measures
from fedtrain.contracts.records import Evaluation, Manifest
from fedtrain.gathering.ledger_facts import LedgerGatherer
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.lost_run import lost_run
from fedtrain.ledger.open import open_ledger, open_store
from fedtrain.ledger.run_claim import claimed
from fedtrain.ledger.run_spec import spec_of
from fedtrain.ledger.store import StoreError
from fedtrain.results.damage import check_manifests
from fedtrain.results.locate import FILES, NoRun
from fedtrain.results.measured_arms import MeasuredArm, measured_arms
from fedtrain.results.run_phase import phase_of_run
from fedtrain.rounds.phase import observe

DEFAULT = "runs"
NEARBY = f"*/{DEFAULT}"
"""Where `fedtrain split` and `init` put a federation's runs, from the folder in which they were called."""
_AT_ONCE = 8
_MANIFEST = names.manifest(0).rpartition("/")[2]
_DEEPEST = 4
"""Folders between the one that is searched and a run's `run.json`."""


@dataclass(frozen=True)
class RunLine:
    """`run`: as commands name it. `base`, `metric`: values of `measure`, the hub's headline metric, after round 0 and
    after the newest evaluated round whose adapter was accepted. `changed`: when a round was recorded last, in seconds
    since 1970. `problem`: why the run cannot be read. `arm_of`: the federated run that `fedtrain baseline` compares
    this run with, whose comparison has its metric; `measured_on`: the participant on whose validation split a
    personalised adapter is measured."""

    run: str
    phase: str = ""
    rounds_done: int = 0
    rounds_of: int = 0
    measure: Measure | None = None
    base: float | None = None
    metric: float | None = None
    changed: float | None = None
    problem: str | None = None
    arm_of: str | None = None
    measured_on: str | None = None


@dataclass(frozen=True)
class RunList:
    """The newest run is the last."""

    runs: tuple[RunLine, ...]


def list_runs(place: str) -> RunList:
    """Return the runs below a folder or `s3://bucket/prefix`, or in the store of a federation file. Without the default
    folder, they are those of federations in folders of their own, if any. Raises NoRun if the place is none of these,
    `Invalid` for a file with errors, StoreError, OSError."""
    ledgers = list(_below(place))
    arms: dict[str, MeasuredArm] = {}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        lines = list(pool.map(_line, ledgers))
        for found in pool.map(measured_arms, ledgers):
            arms |= found
    lines = [_of_arm(line, arms.get(ledger.url)) for line, ledger in zip(lines, ledgers, strict=True)]
    return RunList(tuple(sorted(lines, key=lambda line: (line.changed or 0.0, line.run))))


def _below(place: str) -> Iterator[Ledger]:
    if place.startswith("s3://"):
        bucket, _, prefix = place.removeprefix("s3://").strip("/").partition("/")
        if not bucket:
            raise NoRun(f"{place} names no bucket. Use `s3://bucket/prefix`.")
        return _in_bucket(S3(bucket=bucket, prefix=prefix or None), by_address=True)
    path = Path(place).expanduser()
    return _of_file(path) if is_federation(place) else _in_folder(path)


def is_federation(place: str) -> bool:
    """Whether a place of runs is a federation file, by its name."""
    path = Path(place).expanduser()
    return path.suffix in FILES and path.is_file()


def _of_file(file: Path) -> Iterator[Ledger]:
    from fedtrain.api.reading import read_file  # the YAML parser is slow to import and only needed here
    from fedtrain.runner.bindings import storage_of

    storage = storage_of(read_file(file, elsewhere=True, judged=False))
    if storage.s3 is not None:
        yield from _in_bucket(storage.s3, by_address=False)
    elif storage.file is not None and Path(storage.file.path).exists():
        yield from _in_folder(Path(storage.file.path))


def _in_folder(folder: Path) -> Iterator[Ledger]:
    if (shown := not_utf8(folder)) is not None:
        raise NoRun(f"The path {shown} is not UTF-8. Rename the folder.")
    if folder.exists() and not folder.is_dir():
        raise NoRun(
            f"{folder} is a file. Name a folder of runs, such as `runs`, a federation file, or s3://bucket/prefix."
        )
    if not folder.exists():
        if folder == Path(DEFAULT):
            for other in filter(Path.is_dir, sorted(Path().glob(NEARBY))):
                yield from _in_folder(other)
            return
        raise NoRun(f"The folder {folder} does not exist. Name the folder of your runs, such as `runs`.")
    next(folder.iterdir(), None)  # raises for a folder that cannot be read, which `glob` takes for an empty one
    for depth in range(_DEEPEST + 1):
        found = {file.absolute().parent for file in folder.glob("*/" * depth + names.RUN) if file.is_file()}
        lost = {rounds.absolute().parent for rounds in folder.glob("*/" * depth + names.ROUNDS) if rounds.is_dir()}
        for run in sorted(found | lost):
            storage = Storage(type="File", file=File(path=str(run.parent.parent)))
            ledger = open_ledger(storage, run.parent.name, run.name)
            if run in found or lost_run(ledger) is not None:
                yield ledger


def _in_bucket(place: S3, by_address: bool) -> Iterator[Ledger]:
    bucket = Storage(type="S3", s3=place.model_copy(update={"prefix": None}))
    store, prefix = open_store(bucket, reading=True, by_address=by_address), (place.prefix or "").strip("/")
    runs = {run for key in store.keys(f"{prefix}/" if prefix else "") if (run := _folder_of(key)) is not None}
    for *above, namespace, name in sorted(runs):
        storage = Storage(type="S3", s3=place.model_copy(update={"prefix": "/".join(above) or None}))
        yield open_ledger(storage, namespace, name, reading=True, by_address=by_address)


def _folder_of(key: str) -> tuple[str, ...] | None:
    """The folder of the run that has this object: its `run.json`, or the manifest of a round if that was deleted."""
    parts = key.split("/")
    if parts[-1] == names.RUN:
        above = 1
    elif parts[-1] == _MANIFEST and parts[-3:-2] == [names.ROUNDS]:
        above = 3
    else:
        return None
    return tuple(parts[:-above]) if len(parts) >= above + 2 else None


def _line(ledger: Ledger) -> RunLine:
    try:
        return _read(ledger)
    except (StoreError, ValueError) as error:  # a newer fedtrain's record, or a damaged one
        return RunLine(ledger.address, problem=str(error).splitlines()[0])


def _of_arm(line: RunLine, arm: MeasuredArm | None) -> RunLine:
    if arm is None or line.problem is not None:
        return line
    return replace(
        line, measure=arm.measure, base=arm.start, metric=arm.value, arm_of=arm.federated, measured_on=arm.on
    )


def _read(ledger: Ledger) -> RunLine:
    run = claimed(ledger)
    assert run is not None
    spec = spec_of(ledger, run)
    facts = LedgerGatherer(ledger, run).gather()
    check_manifests(ledger, set(ledger.names(f"{names.ROUNDS}/")), facts.end)
    measure, done = headline(hub_measures(spec)), facts.manifest.round if facts.manifest else 0
    newest = names.manifest(done) if facts.manifest else names.RUN
    return RunLine(
        run=ledger.address,
        phase=phase_of_run(ledger, observe(spec, facts).phase),
        rounds_done=done,
        rounds_of=spec.rounds.count,
        measure=measure,
        base=_value(ledger, 0, measure) if measure and facts.manifest else None,
        metric=_newest_value(ledger, done, measure) if measure and facts.manifest else None,
        changed=ledger.store.modified(f"{ledger.namespace}/{ledger.name}/{newest}"),
    )


def _newest_value(ledger: Ledger, round: int, measure: Measure) -> float | None:
    """The value after the newest round that was evaluated, of rounds above 0, and made an adapter."""
    for number in range(round, 0, -1):
        if (value := _value(ledger, number, measure)) is not None:
            return value
    return None


def _value(ledger: Ledger, round: int, measure: Measure) -> float | None:
    manifest = ledger.read(names.manifest(round), Manifest)
    if manifest is None or not manifest.made_adapter:
        return None
    evaluation = ledger.read(names.evaluation(round, manifest.k or 0), Evaluation)
    return evaluation.metrics.get(measure.name) if evaluation else None
