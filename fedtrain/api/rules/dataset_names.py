"""Rules on the name of the training's data set, which each participant's policy maps to a location."""

import difflib
from collections.abc import Iterator, Mapping

from fedtrain.api.data import Data
from fedtrain.api.participant_policy import ParticipantPolicy
from fedtrain.api.rules.context import Context, Found
from fedtrain.api.rules.rule import Violations, broken, rule
from fedtrain.plurals import form


@rule(
    Data,
    "dataset",
    message="No policy has a data set {wanted} ({held}).",
    fix="{use}.",
)
def a_policy_has_the_data_set(data: Data, context: Context) -> Violations:
    """`data.dataset` is a data set of the policies."""
    if not _no_policy_has_it(context):
        return
    held = {policy.value.metadata.name: _names(policy.value) for policy in _policies(context)}
    shared = set[str].intersection(*map(set, held.values()))
    near = _nearest(data.dataset, sorted(shared))
    use = f"Write {near}" if near else f"Add {{name: {data.dataset}, uri: ...}} to each policy"
    yield broken(wanted=data.dataset, held=_held(held), use=use)


@rule(
    ParticipantPolicy,
    "spec.datasets",
    message="This policy has no data set {wanted}, which the training uses (spec.data.dataset); it has {mapped}.",
    fix="{use}.",
)
def policy_has_the_data_set(policy: ParticipantPolicy, context: Context) -> Violations:
    """Every participant's policy declares where `data.dataset` is."""
    wanted, mapped = context.spec.data.dataset, _names(policy)
    if wanted in mapped or policy.metadata.name not in context.participant_names or _no_policy_has_it(context):
        return
    near = _nearest(wanted, mapped)
    use, place = f"Add `- {{name: {wanted}, uri: ...}}` to datasets", ()
    if near is not None:
        place = ("spec", "datasets", mapped.index(near), "name")
        use = (
            f"Write `name: {wanted}` here"
            if _similar(wanted, mapped)
            else f"Write `name: {wanted}` here, or {use[0].lower()}{use[1:]}"
        )
    yield broken(*place, wanted=wanted, mapped=", ".join(mapped[:5]), use=use)


def _no_policy_has_it(context: Context) -> bool:
    """Whether all participants have policies here and none has the data set: its name is wrong in the training."""
    policies = list(_policies(context))
    complete = {policy.value.metadata.name for policy in policies} == set(context.participant_names)
    wanted = context.spec.data.dataset
    return bool(policies) and complete and not any(wanted in _names(policy.value) for policy in policies)


def _policies(context: Context) -> Iterator[Found[ParticipantPolicy]]:
    """Yield the policies of participants."""
    return (policy for policy in context.policies if policy.value.metadata.name in context.participant_names)


def _names(policy: ParticipantPolicy) -> list[str]:
    return [dataset.name for dataset in policy.spec.datasets]


def _nearest(wanted: str, names: list[str]) -> str | None:
    """Return the name that is meant: a similar one, or the only one."""
    return _similar(wanted, names) or (names[0] if len(names) == 1 else None)


def _similar(wanted: str, names: list[str]) -> str | None:
    return next(iter(difflib.get_close_matches(wanted, names, n=1)), None)


def _held(held: Mapping[str, list[str]]) -> str:
    """`bank-a, bank-b have tickets`, or the data sets of each policy."""
    some = list(held)[:5]
    if len({tuple(names) for names in held.values()}) == 1:
        return f"{', '.join(some)} {form(len(some), 'has', 'have')} {', '.join(held[some[0]][:5])}"
    return "; ".join(f"{who} has {', '.join(held[who][:5])}" for who in some)
