"""Work orders: the tasks that a decision has started. Pure functions of the spec and the ledger's facts."""

from fedtrain.api.aggregation_strategies import FedProx
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.training import Training
from fedtrain.contracts.base_fingerprint import BaseFingerprint
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.records import Manifest, Plan, PlanMember, Run
from fedtrain.contracts.tasks import (
    Evaluate,
    Initialise,
    Inspect,
    Measure,
    MixedSlice,
    NoiseShare,
    PastReleases,
    PrivacyPromise,
    Task,
    Train,
    UpdateClipping,
    Work,
)
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.rounds.snapshot import TaskKey


def inspect_task(spec: FederatedTrainingSpec, run: Run, key: TaskKey) -> Task:
    return _task(spec, run, key, spec.participant(key.who).training.over(spec.training), Inspect())


def initialise_task(spec: FederatedTrainingSpec, run: Run, key: TaskKey) -> Task:
    return _task(spec, run, key, spec.training, Initialise(seed=spec.training.seed))


def evaluate_task(
    spec: FederatedTrainingSpec,
    run: Run,
    key: TaskKey,
    k: int,
    adapter: str,
    config: str,
    base: BaseFingerprint | None,
) -> Task:
    """`base`: of round 0, as for all tasks that load the base model."""
    assert spec.evaluation.hub is not None
    hub = spec.evaluation.hub
    work = Evaluate(k=k, adapter=adapter, config=config, metrics=hub.metrics, samples=hub.samples)
    return _task(spec, run, key, spec.training, work, base)


def measure_task(
    spec: FederatedTrainingSpec,
    run: Run,
    key: TaskKey,
    preflight: Preflight,
    manifest: Manifest,
    base: BaseFingerprint | None,
) -> Task:
    assert spec.evaluation.participants is not None
    work = Measure(
        adapter=manifest.adapter,
        config=manifest.config,
        fingerprint=preflight.fingerprint,
        metrics=spec.evaluation.participants.metrics,
    )
    task = _task(spec, run, key, spec.participant(key.who).training.over(spec.training), work, base)
    return task.model_copy(update={"round": manifest.round})  # it belongs to the round whose adapter it measures


def train_task(
    spec: FederatedTrainingSpec,
    run: Run,
    key: TaskKey,
    plan: Plan,
    member: PlanMember,
    preflight: Preflight,
    manifest: Manifest,
    base: BaseFingerprint | None,
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
        datasets=_mixed_slices(member, preflight),
        seed=member.seed,
        progress_start=plan.progress_start,
        progress_end=plan.progress_end,
        train_only_b=aggregation.merge == "FreezeA",
        proximal_mu=aggregation.parameters(FedProx).mu if aggregation.strategy == "FedProx" else None,
        metrics=evaluation.participants.metrics if evaluation.participants else (),
        clipping=_clipping(plan),
        noise=_noise_share(spec, plan),
        example_noise=member.example_noise,
        testing_seed=spec.privacy.testing_seed if spec.privacy and member.example_noise else None,
        states_norm=_states_norm(plan),
        plan=digest_of(plan),
    )
    task = _task(spec, run, key, spec.participant(key.who).training.over(spec.training), work, base)
    return task.model_copy(update={"privacy": _promise(spec, plan, manifest)})


def _mixed_slices(member: PlanMember, preflight: Preflight) -> tuple[MixedSlice, ...] | None:
    """The slices of the data sets of a mix; None without one."""
    if member.datasets is None:
        return None
    population = {one.name: one.samples for one in preflight.datasets or ()}
    return tuple(
        MixedSlice(name=one.name, population=population[one.name], start=one.start, samples=one.samples)
        for one in member.datasets
    )


def _promise(spec: FederatedTrainingSpec, plan: Plan, manifest: Manifest) -> PrivacyPromise | None:
    """What a participant's owner may rely on; None without `spec.privacy`, and with a testing seed, which hides
    nothing."""
    privacy = spec.privacy
    if privacy is None or plan.privacy is None or privacy.testing_seed is not None:
        return None
    return PrivacyPromise(
        unit=privacy.unit,
        multiplier=plan.privacy.multiplier,
        delta=privacy.budget.delta,
        released=tuple(
            PastReleases(multiplier=past.multiplier, count=past.count)
            for past in (manifest.privacy.spent if manifest.privacy else ())
        ),
    )


def _clipping(plan: Plan) -> UpdateClipping | None:
    """How the participants clip their updates; None if they do not."""
    privacy = plan.privacy
    if privacy is None or privacy.clipping_location is None:
        return None
    return UpdateClipping(bound=privacy.bound, reports_within=privacy.indicator_noise is not None)


def _states_norm(plan: Plan) -> bool | None:
    """Whether the hub needs the updates' norms before it reads them; None if not."""
    return True if plan.privacy is not None and plan.privacy.clipping_location is None else None


def _noise_share(spec: FederatedTrainingSpec, plan: Plan) -> NoiseShare | None:
    """The noise that the participants share; None if the hub adds it."""
    if spec.privacy is None or plan.privacy is None or plan.privacy.noise_shares is None:
        return None
    return NoiseShare(
        multiplier=plan.privacy.update_multiplier,
        updates=plan.privacy.noise_shares,
        indicator_noise=plan.privacy.indicator_noise,
        testing_seed=spec.privacy.testing_seed,
    )


def _task(
    spec: FederatedTrainingSpec,
    run: Run,
    key: TaskKey,
    training: Training,
    work: Work,
    base: BaseFingerprint | None = None,
) -> Task:
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
        base_fingerprint=base,
    )
