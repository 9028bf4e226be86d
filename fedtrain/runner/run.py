"""`fedtrain run`: one federation on this machine, from its file to its last round."""

import contextlib
from collections.abc import Generator
from pathlib import Path

from fedtrain.api.reading.federation import Federation
from fedtrain.api.training_task import TrainingTaskSpec
from fedtrain.contracts import names
from fedtrain.contracts.headline_metric import own_choices
from fedtrain.contracts.records import Run
from fedtrain.contracts.run_end import End
from fedtrain.contracts.tasks import Task
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.open import open_store
from fedtrain.ledger.probe import probe
from fedtrain.ledger.run_claim import claim_run, claimed, compare, has_begun, new_run
from fedtrain.manifests.compute import variables_of_threads
from fedtrain.manifests.training_task import training_task
from fedtrain.rounds.snapshot import TaskKey
from fedtrain.runner import privacy_files
from fedtrain.runner.base_access import check_base_access
from fedtrain.runner.bindings import bind, ledger_of, local_folder, missing_key, storage_of
from fedtrain.runner.changed_base import check_same_base
from fedtrain.runner.coordinator import Coordinator, Observer, Outcome
from fedtrain.runner.devices import Devices, find_devices
from fedtrain.runner.errors import RunError
from fedtrain.runner.events import Listener, RunEnded, RunStarted
from fedtrain.runner.executor import Executor
from fedtrain.runner.presence import Presence, may_be_working, this_process
from fedtrain.runner.worker_launcher import Launcher
from fedtrain.runner.worker_pool import WorkerPool


def run(
    federation: Federation,
    *,
    listener: Listener,
    parallel: int | None = None,
    pool: WorkerPool | None = None,
    observe: Observer | None = None,
) -> Outcome:
    """Run a federation to its end, or resume it. A finished run is not changed.

    `parallel`: how many participants train at a time. `pool`: workers to share with other runs; otherwise a pool of
    this run's own. Raises SpecDiffers when a run of this name has another spec, StoreError, RunError.
    """
    ledger, claimed = admit(federation)
    metadata, spec = federation.training.metadata, federation.training.spec
    manifests = [name for name in ledger.names("rounds/") if name.endswith("/manifest.json")]
    participants = tuple(participant.name for participant in spec.participants)
    listener(
        RunStarted(
            metadata.name,
            claimed.run_id,
            ledger.url,
            participants,
            spec.rounds.count,
            len(manifests),
            own_choices(spec),
        )
    )
    if (end := ledger.read(names.END, End)) is not None:
        listener(RunEnded(end.outcome, end.round, end.message or "it was finished before"))
        return Outcome(end.outcome, end.round, end.message or "", before=True)
    check_same_base(federation, ledger)
    with contextlib.ExitStack() as stack:
        presence = stack.enter_context(contextlib.closing(Presence(ledger, this_process())))
        if pool is None:
            pool = stack.enter_context(workers(federation, parallel))
        executor = Executor(
            claimed,
            pool,
            storage_of(federation),
            _logs(federation) / "aggregator.log",
            lambda task: bind(federation, task),
            lambda key, task: missing_key(federation, task) or enter(federation, claimed, key, task),
        )
        stack.callback(executor.close)
        coordinator = Coordinator(
            spec=spec,
            ledger=ledger,
            run=claimed,
            executor=executor,
            listener=listener,
            observe=observe,
            appeared=presence.appeared,
        )
        return coordinator.run()


def enter(federation: Federation, run: Run, key: TaskKey, task: Task) -> str | None:
    """Return why the policy of the participant refuses a task, or None. A task that trains is entered into the
    participant's ledger of privacy. Raises RunError."""
    if task.participant is None:
        return None
    body = training_task(federation.training.spec, run, key, task, key.who)
    return privacy_files.enter(federation, TrainingTaskSpec.model_validate(body["spec"]))


def admit(federation: Federation) -> tuple[Ledger, Run]:
    """Return the run's ledger and its claim: a new one, or the existing one of the same spec. Raises SpecDiffers,
    StoreError, RunError."""
    metadata, ledger = federation.training.metadata, ledger_of(federation)
    if ledger.size(names.initial()) is None:
        check_base_access(federation)  # before the spec is claimed: the fix changes it
    run = new_run(metadata.namespace, metadata.name, federation.training.spec)
    if (found := claimed(ledger)) is None:
        probe(ledger.store, open_store(storage_of(federation)))
    else:
        _check_free_to_replace(ledger, found, run)
    return ledger, claim_run(ledger, run)


def _check_free_to_replace(ledger: Ledger, found: Run, run: Run) -> None:
    """Raises RunError if `run` would replace a run that has not begun while another coordinator works on it."""
    differences = compare(found.spec, run.spec)
    if differences and not has_begun(ledger) and may_be_working(ledger):
        raise RunError(
            f"another `fedtrain run` works on {ledger.address} with another spec:\n  "
            + "\n  ".join(f"spec.{one.field}: {one.recorded} there, {one.wanted} in the file" for one in differences)
            + "\nStop it with Ctrl-C first. If its machine is lost, wait a minute."
        )


@contextlib.contextmanager
def workers(federation: Federation, parallel: int | None) -> Generator[WorkerPool, None, None]:
    """Warm trainer processes for this federation's participants."""
    devices = find_devices()
    count = parallel or default_parallel(len(federation.training.spec.participants), devices)
    threads = variables_of_threads(devices.cores // count)
    launcher = Launcher(_logs(federation), {**threads, "TOKENIZERS_PARALLELISM": "false"})

    def launch(environment: dict[str, str]):  # one GPU a worker, in turn
        index = int(environment["FEDTRAIN_WORKER_INDEX"])
        own = {"CUDA_VISIBLE_DEVICES": devices.gpus[index % len(devices.gpus)]} if devices.gpus else {}
        return launcher({**environment, **own})

    pool = WorkerPool(lambda environment: launch(dict(environment)), count)
    try:
        yield pool
    finally:
        pool.close()


def default_parallel(participants: int, devices: Devices) -> int:
    """A worker a GPU; without GPUs one a core, at most four (each holds torch and the base model)."""
    return max(1, min(participants, len(devices.gpus) or min(devices.cores, 4)))


def _logs(federation: Federation) -> Path:
    """Where the workers' logs are kept."""
    return local_folder(federation) / "workers"
