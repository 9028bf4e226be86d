"""Work orders: the tasks that a decision has started. Pure functions of the spec and the ledger's facts."""

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.training import Training
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.records import Manifest, Plan, PlanMember, Preflight, Run
from fedtrain.contracts.tasks import Evaluate, Initialise, Inspect, Measure, Task, Train, Work
from fedtrain.rounds.snapshot import TaskKey


def inspect_task(spec: FederatedTrainingSpec, run: Run, key: TaskKey) -> Task:
    return _task(spec, run, key, spec.participant(key.who).training.over(spec.training), Inspect())


def initialise_task(spec: FederatedTrainingSpec, run: Run, key: TaskKey) -> Task:
    return _task(spec, run, key, spec.training, Initialise(seed=spec.training.seed))


def evaluate_task(spec: FederatedTrainingSpec, run: Run, key: TaskKey, k: int, adapter: str, config: str) -> Task:
    assert spec.evaluation.hub is not None
    work = Evaluate(k=k, adapter=adapter, config=config, metrics=spec.evaluation.hub.metrics)
    return _task(spec, run, key, spec.training, work)


def measure_task(spec: FederatedTrainingSpec, run: Run, key: TaskKey, preflight: Preflight, manifest: Manifest) -> Task:
    assert spec.evaluation.participants is not None
    work = Measure(
        adapter=manifest.adapter,
        config=manifest.config,
        fingerprint=preflight.fingerprint,
        metrics=spec.evaluation.participants.metrics,
    )
    task = _task(spec, run, key, spec.participant(key.who).training.over(spec.training), work)
    return task.model_copy(update={"round": manifest.round})  # it belongs to the round whose adapter it measures


def train_task(
    spec: FederatedTrainingSpec,
    run: Run,
    key: TaskKey,
    plan: Plan,
    member: PlanMember,
    preflight: Preflight,
    manifest: Manifest,
) -> Task:
    aggregation, evaluation = spec.aggregation, spec.evaluation
    work = Train(
        adapter=manifest.adapter,
        config=manifest.config,
        fingerprint=preflight.fingerprint,
        population=preflight.samples,
        start=member.start,
        samples=member.samples,
        distinct=member.distinct,
        seed=member.seed,
        progress_start=plan.progress_start,
        progress_end=plan.progress_end,
        train_only_b=aggregation.merge == "FreezeA",
        proximal_mu=aggregation.fed_prox.mu if aggregation.strategy == "FedProx" and aggregation.fed_prox else None,
        metrics=evaluation.participants.metrics if evaluation.participants else (),
        plan=digest_of(plan),
    )
    return _task(spec, run, key, spec.participant(key.who).training.over(spec.training), work)


def _task(spec: FederatedTrainingSpec, run: Run, key: TaskKey, training: Training, work: Work) -> Task:
    return Task(
        namespace=run.namespace,
        name=run.name,
        run_id=run.run_id,
        round=key.round,
        attempt=key.attempt,
        participant=None if key.who.startswith("_") else key.who,
        min_participants=None if key.who.startswith("_") else spec.minimum,
        model=spec.model.without_credentials(),
        data=spec.data,
        training=training,
        work=work,
    )
