"""`privacy`: differential privacy that the hub promises for the updates of this participant."""

from fedtrain.api.examples import example_of_block
from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.privacy import Privacy
from fedtrain.api.rules.policy.rule import Reason, Request, refuses
from fedtrain.privacy.accounting import AccountingError, bounded_epsilon
from fedtrain.privacy.terms import TRUST_OWN_NOISE, TRUST_PROMISE, terms_of_unit


@refuses("privacy.unit", asks="spec.privacy.unit")
def unit_is_protected(request: Request, policy: ParticipantPolicySpec) -> Reason | None:
    wanted = policy.privacy.unit
    if wanted is None or not _trains(request) or request.unit == wanted:
        return None
    if request.unit is None:
        return _no_promise(f"requires unit: {wanted}")
    return Reason(
        f"the training protects unit: {request.unit}; this participant requires unit: {wanted}",
        f"Set `privacy.unit: {wanted}`",
    )


@refuses("privacy.unit", asks="spec.evaluation.participants", change="Remove {asks}")
def rows_are_not_measured(request: Request, policy: ParticipantPolicySpec) -> str | None:
    """Metrics have no noise, and the hub chooses by the seed which rows are held out. With unit Participant, the hub is
    trusted with them."""
    if policy.privacy.unit != "Example" or request.work != "Measure":
        return None
    return "the task sends metrics of single rows without noise, which unit: Example does not allow"


@refuses(None, change="Update fedtrain at the hub, which must keep the promise of `privacy.noise`")
def share_of_noise_is_what_was_promised(request: Request, policy: ParticipantPolicySpec) -> str | None:
    """Whatever the policy says: the owner would count noise that the update does not have. The trainer refuses it,
    too, so that this holds on one machine."""
    return request.share_flaw


@refuses("privacy.noiseLocation", asks="spec.privacy.noise.location")
def noise_is_added_here(request: Request, policy: ParticipantPolicySpec) -> Reason | None:
    if policy.privacy.noise_location is None or not _trains(request) or request.adds_noise:
        return None
    if request.unit is None:
        return _no_promise("requires noise that it adds itself")
    return Reason(
        "the hub adds the noise, but this participant must clip and add noise itself",
        "Set both `clipping.location: Client` and `noise.location: Client` in `privacy`, or set `unit: Example`, with "
        "which each participant adds the noise",
    )


@refuses("privacy.minNoiseMultiplier", asks="spec.privacy.noise", owner="lower {field}")
def noise_is_enough(request: Request, policy: ParticipantPolicySpec) -> Reason | None:
    minimum = policy.privacy.min_noise_multiplier
    if minimum is None or not _trains(request):
        return None
    if request.multiplier is None:
        return _no_promise(f"requires a noise multiplier of {minimum:g} or more")
    if request.multiplier >= minimum:
        return None
    return Reason(
        f"the training promises a noise multiplier of {request.multiplier:.4g}; the minimum is {minimum:g}",
        f"Set `noise: {{type: Multiplier, multiplier: {minimum:g}}}` in `privacy`",
    )


@refuses(
    "privacy.maxEpsilon",
    asks="spec.privacy.budget.epsilon",
    change="Lower {asks} or `rounds.count`",
    owner="raise {field}",
)
def epsilon_is_within_the_limit(request: Request, policy: ParticipantPolicySpec) -> str | Reason | None:
    limit, delta = policy.privacy.max_epsilon, policy.privacy.delta
    if limit is None or not _trains(request):
        return None
    if request.multiplier is None:
        return _no_promise(f"allows an epsilon of {limit:g} at most")
    own = policy.privacy.noise_location is not None
    try:
        found = {name: bounded_epsilon(made, delta) for name, made in request.released.items()}
    except AccountingError as error:
        return f"the privacy loss over all trainings is unknown: {error}"
    totals = {name: total for name, total in found.items() if total is not None}
    if unbounded := sorted(found.keys() - totals.keys()):
        return _unbounded(request, unbounded[0], delta, towards_hub=own and request.unit == "Participant")
    terms = terms_of_unit(request.unit or "", delta, TRUST_OWN_NOISE if own else TRUST_PROMISE)
    name = max(totals, key=lambda name: totals[name])
    if totals[name] <= limit:
        return None
    return (
        f"with this round, all trainings on data set {name} with unit: {request.unit} together spend epsilon "
        f"{totals[name]:.4g}; the maximum is {limit:g} ({terms.in_short})"
    )


def _trains(request: Request) -> bool:
    return request.work == "Train"


def _unbounded(request: Request, dataset: str, delta: float, *, towards_hub: bool) -> Reason:
    owner = "raise `privacy.delta`"
    if towards_hub:
        return Reason(
            "the shares of the noise are too small to bound the privacy loss towards the hub",
            "Raise `privacy.noise.multiplier` or lower `rounds.minParticipants`",
            owner,
        )
    return Reason(
        f"the noise of all trainings on data set {dataset} with unit: {request.unit} together is too small to bound "
        f"the privacy loss at delta {delta:g}",
        "Raise `privacy.noise.multiplier`",
        owner,
    )


def _no_promise(but: str) -> Reason:
    return Reason(
        f"the training promises no privacy, but this participant {but}",
        f"Set `privacy`, without `testingSeed`, such as `privacy: {example_of_block(Privacy)}`",
    )
