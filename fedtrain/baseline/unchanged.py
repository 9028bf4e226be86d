"""Whether data and trainings are still those of the runs that exist, before anything is trained or compared."""

from collections.abc import Mapping, Sequence

from fedtrain.api.reading.federation import Federation
from fedtrain.baseline.arms import ArmRun
from fedtrain.contracts import names
from fedtrain.contracts.records import Initial, Run
from fedtrain.contracts.run_end import End
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.data.base_fingerprint import why_other_base
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.run_claim import compare, has_begun, new_run
from fedtrain.listing import listed
from fedtrain.plurals import form
from fedtrain.quoting import quoted
from fedtrain.runner.bindings import ledger_of
from fedtrain.runner.changed_base import check_same_base
from fedtrain.runner.changed_data import changed_data
from fedtrain.runner.errors import RunError

_MAY_MOVE = "model.adapter.initialFrom.uri"
"""The digest beside it says which adapter it is."""
_WITHOUT_EFFECT = ("model.base", "model.revision", "rounds.retries", "rounds.earlyStopping")
"""Fields, and all in them, that do not say what a training that has ended trained: bases are compared by their
fingerprints, and a training to compare has one round."""


def check_unchanged(federation: Federation, ledger: Ledger) -> None:
    """Raises RunError naming the participants whose rows changed since the run began, or cannot be read; also if the
    base model is another one."""
    check_same_base(federation, ledger)
    if changed := changed_data(federation, ledger):
        raise RunError(
            "the data changed since the federated run, so a comparison would be of different data:\n  "
            + "\n  ".join(f"{who}: {one.why}" for who, one in changed.items())
            + "\nRestore the data, or start a run with another `metadata.name`."
        )


def check_same_training(arms: Sequence[ArmRun], federated: Ledger | None = None) -> None:
    """Raises RunError naming the arms whose runs have begun with another spec: those of an earlier file or command.
    `federated`: the ledger of the run that they are compared with, whose base model and rows they must have too."""
    found: dict[str, str] = {}
    preflights = preflights_of(federated) if federated is not None else {}
    other_rows = False
    for arm in arms:
        ledger = ledger_of(arm.federation)
        if not has_begun(ledger):
            continue  # it gets the new spec
        ended = has_ended(arm)
        why = _other_spec(arm, ledger, ended)
        if why is None and federated is not None:
            why = _other_base(ledger, federated)
        elif why is None and ended:
            check_same_base(arm.federation, ledger)
        if _other_rows(arm, ledger, preflights) or (arm.kind == "Pooled" and other_rows):
            other_rows, why = True, why or "it was trained on other rows"
        if why is not None:
            found[ledger.address] = why
    if found:
        it = form(len(found), "it", "them")
        commands = listed([f"`fedtrain delete {quoted(address)} --yes`" for address in found])
        raise RunError(
            f"{form(len(found), 'a training', 'trainings')} to compare {form(len(found), 'has', 'have')} other "
            "settings or data than now:\n  "
            + "\n  ".join(f"{address}: {why}" for address, why in found.items())
            + f"\nTo train {it} again, delete {it} first: {commands}."
        )


def has_ended(arm: ArmRun) -> bool:
    return ledger_of(arm.federation).read(names.END, End) is not None


def preflights_of(ledger: Ledger) -> dict[str, Preflight]:
    """Return what a run has counted, by participant."""
    found = (ledger.read(name, Preflight) for name in ledger.names("preflight/"))
    return {preflight.participant: preflight for preflight in found if preflight is not None}


def _other_spec(arm: ArmRun, ledger: Ledger, ended: bool) -> str | None:
    """Return the fields that differ; None if none does that counts."""
    claimed = ledger.read(names.RUN, Run)
    if claimed is None:
        return None
    wanted = new_run(ledger.namespace, ledger.name, arm.federation.training.spec).spec
    ignored = (_MAY_MOVE, *(_WITHOUT_EFFECT if ended else ()))
    differences = [one for one in compare(claimed.spec, wanted) if not one.field.startswith(ignored)]
    return "; ".join(f"spec.{one.field} was {one.recorded} and is {one.wanted} now" for one in differences) or None


def _other_base(ledger: Ledger, federated: Ledger) -> str | None:
    then, now = ledger.read(names.initial(), Initial), federated.read(names.initial(), Initial)
    if then is None or now is None or then.base_fingerprint is None or now.base_fingerprint is None:
        return None
    other = why_other_base("model.base", then.base_fingerprint, now.base_fingerprint) is not None
    return "it was trained from another base model" if other else None


def _other_rows(arm: ArmRun, ledger: Ledger, federated: Mapping[str, Preflight]) -> bool:
    """Whether an arm has counted other rows than the federated run. Pooled rows have no fingerprint to compare."""
    counted = preflights_of(ledger)
    if arm.participant is None:
        rows = sum(one.samples for one in federated.values())
        return any(one.samples + one.validation_samples != rows for one in counted.values())
    then, now = counted.get(arm.participant), federated.get(arm.participant)
    if then is None or now is None:
        return False
    return (then.samples, then.validation_samples, then.fingerprint) != (
        *(now.samples, now.validation_samples),
        now.fingerprint,
    )
