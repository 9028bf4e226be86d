"""The whole comparison: the federated run, its arms, and the metrics of each adapter on all data. The result is stored
with the federated run. Crash-safe and resumable, because all steps are runs and records; a finished one does nothing.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from fedtrain.api.reading.federation import Federation
from fedtrain.baseline.arms import ArmRun, alone, arm_name, budgets, pooled
from fedtrain.baseline.measuring import Measuring, measure_all
from fedtrain.baseline.personal import check_personal, personal_arms
from fedtrain.baseline.pooling import pool_rows
from fedtrain.baseline.running import Lazily, run_arms
from fedtrain.baseline.subjects import subjects_of
from fedtrain.baseline.unchanged import check_same_training, check_unchanged, has_ended, preflights_of
from fedtrain.contracts import names
from fedtrain.contracts.run_end import End
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.open import open_ledger
from fedtrain.results.comparison import Comparison, write_comparison
from fedtrain.results.locate import run_folder
from fedtrain.results.pooled_rows import POOLED, delete_pooled_rows, pooled_file
from fedtrain.results.summary import summarise
from fedtrain.rounds.decision import FINISHED
from fedtrain.runner.bindings import storage_of
from fedtrain.runner.errors import RunError
from fedtrain.runner.events import Event, Listener
from fedtrain.runner.run import admit, run, workers
from fedtrain.runner.worker_pool import WorkerPool


@dataclass(frozen=True)
class Watch:
    """Callbacks: `federated` gets the federated run's events, `begins` the arms to run, `arm` their events, `measured`
    the number of finished measurements and their total."""

    federated: Listener
    begins: Callable[[list[ArmRun]], None]
    arm: Callable[[ArmRun, Event], None]
    measured: Callable[[int, int], None]


@dataclass(frozen=True)
class Compared:
    """`failed`: arms and measurements that failed, with the reason."""

    ledger: Ledger
    comparison: Comparison
    failed: dict[str, str] = field(default_factory=dict[str, str])


def compare(
    federation: Federation,
    watch: Watch,
    *,
    alone_only: bool = False,
    personal_steps: int | None = None,
    parallel: int | None = None,
    pool: WorkerPool | None = None,
) -> Compared:
    """Run and measure what is missing. `alone_only` skips pooled data. `personal_steps`: steps of each participant from
    the federated adapter on its own data; None skips them. `pool`: workers to share; by default, workers are started
    when needed. Raises RunError if the federated run fails, SpecDiffers, StoreError."""
    if personal_steps is not None:
        check_personal(federation)
    ledger, _ = admit(federation)
    with ExitStack() as stack:
        shared = Lazily(lambda: pool or stack.enter_context(workers(federation, parallel)))
        if ledger.read(names.END, End) is None:
            outcome = run(federation, listener=watch.federated, pool=shared())
            if outcome.phase not in FINISHED:
                raise RunError(f"the federated run failed in round {outcome.round}: {outcome.message}")
        arms = _arms(federation, ledger, alone_only)
        if personal_steps is not None:
            arms += personal_arms(federation, ledger, preflights_of(ledger), personal_steps)
        check_same_training(arms, ledger)
        missing = [arm for arm in arms if not has_ended(arm)]
        failed: dict[str, str] = {}
        if missing:
            check_unchanged(federation, ledger)
            if any(arm.kind == "Pooled" for arm in missing):
                pool_rows(federation, preflights_of(ledger), _pooled_folder(federation))
            watch.begins(missing)
            failed = run_arms(missing, shared(), watch.arm)
        if any(arm.kind == "Pooled" and has_ended(arm) for arm in arms):  # also if an earlier command was killed
            delete_pooled_rows(_pooled_folder(federation), federation.training.spec.data.names)
        finished = [arm for arm in arms if arm.label not in failed]
        steps = sum(budgets(summarise(ledger)).values())
        subjects = subjects_of(federation.training.spec, ledger, preflights_of(ledger), finished, steps)
        unmeasured = [one for subject in subjects for one in subject.measurings if one.record is None]
        if unmeasured:
            watch.measured(0, len(unmeasured))
            report = partial(_count, watch.measured, len(unmeasured))
            failed |= measure_all(unmeasured, federation, shared(), report)
    end = ledger.read(names.END, End)
    assert end is not None
    comparison = Comparison(end.run_id, end.adapter, tuple(subject.arm() for subject in subjects))
    write_comparison(ledger, comparison)
    return Compared(ledger, comparison, failed)


def _arms(federation: Federation, ledger: Ledger, alone_only: bool) -> list[ArmRun]:
    steps = budgets(summarise(ledger))
    arms = [alone(federation, who, budget) for who, budget in steps.items()]
    if alone_only or len(steps) < 2:
        return arms
    folder = _pooled_folder(federation)
    files = {name: pooled_file(folder, name) for name in federation.training.spec.data.names}
    return [*arms, pooled(federation, files, sum(steps.values()))]


def _pooled_folder(federation: Federation) -> Path:
    """Return the folder of the pooled rows: in that of their run, or of the same name here if runs are in a bucket."""
    metadata = federation.training.metadata
    own = open_ledger(storage_of(federation), metadata.namespace, arm_name(metadata.name, POOLED))
    return (run_folder(own) or Path("runs") / own.namespace / own.name) / POOLED


def _count(measured: Callable[[int, int], None], total: int, _: Measuring, left: int) -> None:
    measured(total - left, total)
