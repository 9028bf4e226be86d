"""Personalisation where only one participant's rows are: it continues from an exported adapter. Base, training alone,
the federated and the personalised adapter are measured on its own validation split.

All objects go to a folder on this machine, whatever storage the federation has: nothing is sent.
"""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from fedtrain.api.federated_training import Metadata
from fedtrain.api.participant_policy import Dataset, ParticipantPolicy, ParticipantPolicySpec
from fedtrain.api.reading.federation import Federation
from fedtrain.api.storage import File, Storage
from fedtrain.baseline.arms import ArmRun, alone, base_of, personalised
from fedtrain.baseline.measuring import measure_all
from fedtrain.baseline.progress import ArmsView
from fedtrain.baseline.running import Lazily, run_arms
from fedtrain.baseline.subjects import Subject, measured_spec, subject_of
from fedtrain.baseline.unchanged import check_same_training, has_ended
from fedtrain.contracts import names
from fedtrain.contracts.digests import digest_file
from fedtrain.contracts.run_end import End
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.ledger.ledger import Ledger
from fedtrain.results.comparison import Comparison, Kind
from fedtrain.results.export_files import WEIGHTS
from fedtrain.runner.bindings import ledger_of
from fedtrain.runner.changed_data import changed_data
from fedtrain.runner.errors import RunError
from fedtrain.runner.run import workers
from fedtrain.runner.worker_pool import WorkerPool


@dataclass(frozen=True)
class Personalised:
    """`federation`, `ledger`: of the run with the personalised adapter. `failed`: trainings and measurements that
    failed, with the reason."""

    federation: Federation
    ledger: Ledger
    comparison: Comparison
    failed: dict[str, str]


def own_copy(federation: Federation, who: str, runs: Path, data: Path | None, base: Path | None) -> Federation:
    """Return the federation as one participant runs it: with a ledger in the folder `runs`. `data`: its rows; None if
    the file has its policy. `base`: folder of the base model; None if it is where the file says."""
    policies = dict(federation.policies)
    if data is not None:
        found = Dataset(name=federation.training.spec.data.names[0], uri=str(data.absolute()))
        policies[who] = ParticipantPolicy(metadata=Metadata(name=who), spec=ParticipantPolicySpec(datasets=(found,)))
    storage = Storage(type="File", file=File(path=str(runs.absolute())))
    spec = federation.training.spec.model_copy(update={"storage": storage})
    if base is not None:
        model = spec.model.model_copy(update={"base": str(base.absolute()), "revision": None, "s3": None})
        spec = spec.model_copy(update={"model": model})
    training = federation.training.model_copy(update={"spec": spec})
    return replace(federation, training=training, policies=policies)


def personalise(
    own: Federation,
    who: str,
    adapter: Path,
    steps: int,
    *,
    steps_alone: int | None,
    view: ArmsView,
    pool: WorkerPool | None = None,
) -> Personalised:
    """Train and measure what is missing. `own`: see `own_copy`. `adapter`: folder of the federated adapter.
    `steps_alone`: of the participant alone; None skips that, and only measures the base. Raises RunError, StoreError,
    OSError."""
    personal = personalised(own, who, steps, adapter, digest_file(adapter / WEIGHTS))
    arms = [base_of(own, who) if steps_alone is None else alone(own, who, steps_alone), personal]
    check_same_training(arms)
    for arm in arms:
        ledger = ledger_of(arm.federation)
        if changed := changed_data(arm.federation, ledger):
            raise RunError(
                f"the data changed since {ledger.address} began:\n  "
                + "\n  ".join(f"{who}: {one.why}" for who, one in changed.items())
            )
    with ExitStack() as stack:
        shared = Lazily(lambda: pool or stack.enter_context(workers(personal.federation, len(arms))))
        missing = [arm for arm in arms if not has_ended(arm)]
        failed: dict[str, str] = {}
        if missing:
            view.begins(missing)
            failed = run_arms(missing, shared(), view.arm)
        subjects = [one for arm in arms if arm.label not in failed for one in _subjects(own, who, arm)]
        unmeasured = [one for subject in subjects for one in subject.measurings if one.record is None]
        if unmeasured:
            view.measured(0, len(unmeasured))
            failed |= measure_all(unmeasured, own, shared(), partial(_count, view, len(unmeasured)))
    end = ledger_of(personal.federation).read(names.END, End)
    comparison = Comparison(
        end.run_id if end else "", end.adapter if end else "", tuple(subject.arm() for subject in subjects)
    )
    return Personalised(personal.federation, ledger_of(personal.federation), comparison, failed)


def _subjects(own: Federation, who: str, arm: ArmRun) -> list[Subject]:
    """Return the adapters before and after a training: the base and the one trained alone, or the federated and the
    personalised one. Of a run for the base, only the base."""
    spec, ledger = measured_spec(own.training.spec), ledger_of(arm.federation)
    spec = spec.model_copy(update={"evaluation": spec.evaluation.model_copy(update={"hub": None})})
    preflight = ledger.read(names.preflight(who), Preflight)
    counted = {who: preflight} if preflight is not None else {}
    before: Kind = "Federated" if arm.kind == "Personalised" else "Base"
    found = [subject_of(spec, counted, before, None, 0, ledger, 0)]
    if arm.kind != "Base":
        found.append(subject_of(spec, counted, arm.kind, who, arm.steps, ledger, 1))
    return found


def _count(view: ArmsView, total: int, _: object, left: int) -> None:
    view.measured(total - left, total)
