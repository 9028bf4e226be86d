"""The condition `PrivacyForecast`: cost of a private training, and whether noise drowns the updates. Pure."""

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.manifests.conditions import Condition, find
from fedtrain.manifests.kinds import Json
from fedtrain.privacy.accounting import AccountingError
from fedtrain.rounds.affordability import barred_from_the_start, shortage
from fedtrain.rounds.privacy_forecast import noise_exceeds_signal, privacy_forecast
from fedtrain.rounds.snapshot import LedgerFacts

NAME = "PrivacyForecast"


def forecast(body: Json, spec: FederatedTrainingSpec, facts: LedgerFacts) -> list[Condition]:
    """Return the condition of a training with `spec.privacy`; none for others, and none where the present one knows
    all and the facts that it needs are not read any more. `body`: the FederatedTraining."""
    if spec.privacy is None:
        return []
    try:
        of_unit = _of_examples if spec.example_privacy is not None else _of_participants
        return of_unit(body, spec, facts)
    except AccountingError as error:
        return [Condition(NAME, "False", "AccountingFailed", str(error))]


def _of_examples(body: Json, spec: FederatedTrainingSpec, facts: LedgerFacts) -> list[Condition]:
    """Each participant's epsilon depends on the number of its rows."""
    known = find(body.get("status", {}).get("conditions", ()), NAME)
    if facts.initial is None and known is not None and known["status"] == "True":
        return []
    sizes = facts.initial.facts if facts.initial is not None else None
    rows = {who: one.samples for who, one in facts.preflights.items()}
    if len(rows) < len(spec.participants):
        return [Condition(NAME, "Unknown", "RowsUnknown", " ".join(privacy_forecast(spec, sizes)))]
    if (found := shortage(spec, barred_from_the_start(spec, rows))) is not None:
        return [Condition(NAME, "False", "BudgetTooSmall", f"{found.message} {found.fix}")]
    return [Condition(NAME, "True", "RowsCounted", " ".join(privacy_forecast(spec, sizes, rows)))]


def _of_participants(body: Json, spec: FederatedTrainingSpec, facts: LedgerFacts) -> list[Condition]:
    known = find(body.get("status", {}).get("conditions", ()), NAME)
    if facts.initial is None and known is not None and known["status"] != "Unknown":
        return []
    sizes = facts.initial.facts if facts.initial is not None else None
    message, drowned = " ".join(privacy_forecast(spec, sizes)), noise_exceeds_signal(spec, sizes)
    if drowned is None:
        return [Condition(NAME, "Unknown", "SizeUnknown", message)]
    return [Condition(NAME, "False" if drowned else "True", _REASONS[drowned], message)]


_REASONS = {True: "NoiseExceedsSignal", False: "SignalExceedsNoise"}
