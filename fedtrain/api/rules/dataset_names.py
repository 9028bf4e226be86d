"""Rules on the names of the training's data sets, which each participant's policy maps to locations."""

from collections.abc import Iterator, Mapping

from fedtrain.api.data import Data
from fedtrain.api.participant_policy import ParticipantPolicy
from fedtrain.api.paths import Path
from fedtrain.api.rules.context import Context, Found
from fedtrain.api.rules.rule import Violations, broken, rule
from fedtrain.api.similar_words import nearest
from fedtrain.plurals import form


@rule(
    Data,
    "dataset",
    message="No policy has a data set {wanted} ({held}).",
    fix="{use}.",
)
def a_policy_has_the_data_set(data: Data, context: Context) -> Violations:
    """`data.dataset`, or each name in `data.datasets`, is a data set of the policies."""
    for path, wanted in _wanted(data):
        if not _no_policy_has(wanted, context):
            continue
        held = {policy.value.metadata.name: _names(policy.value) for policy in _policies(context)}
        shared = set[str].intersection(*map(set, held.values())) - set(data.names)
        near = _meant(wanted, sorted(shared))
        use = f"Write `{path[-1]}: {near}`" if near else f"{_add(wanted)} of each policy"
        if not near and path[0] == "datasets":
            use += ", or remove it from `data.datasets`"
        if near and "/" in wanted:
            use = f"Write the name of a data set, not its path: `{path[-1]}: {near}`"
        yield broken(*path, wanted=wanted, held=_held(held), use=use)


@rule(
    ParticipantPolicy,
    "spec.datasets",
    message="This policy has no data set {wanted}, which the training uses (spec.data.{field}); it has {mapped}.",
    fix="{use}.",
)
def policy_has_the_data_set(policy: ParticipantPolicy, context: Context) -> Violations:
    """Every participant's policy declares where `data.dataset`, or each data set of `data.datasets`, is."""
    if context.participant_of(policy.metadata.name) is None:
        return
    data, mapped = context.spec.data, _names(policy)
    unused = [name for name in mapped if name not in data.names]
    for path, wanted in _wanted(data):
        if wanted in mapped or _no_policy_has(wanted, context):
            continue
        near = _meant(wanted, unused)
        use, place = _add(wanted), ()
        if near is not None:
            place = ("spec", "datasets", mapped.index(near), "name")
            use = (
                f"Write `name: {wanted}` here"
                if nearest(wanted, unused)
                else f"Write `name: {wanted}` here, or {use[0].lower()}{use[1:]}"
            )
        yield broken(*place, wanted=wanted, field=path[0], mapped=", ".join(mapped[:5]), use=use)


def _wanted(data: Data) -> Iterator[tuple[Path, str]]:
    """Yield the data sets of the training with their paths in the block. A malformed mix has none."""
    if data.datasets is None:
        if data.dataset is not None:
            yield ("dataset",), data.dataset
        return
    for number, one in enumerate(data.datasets):
        yield ("datasets", number, "name"), one.name


def _no_policy_has(wanted: str, context: Context) -> bool:
    """Whether all participants have policies here and none has the data set: its name is wrong in the training."""
    policies = list(_policies(context))
    owners = {context.participant_of(policy.value.metadata.name) for policy in policies}
    complete = owners == set(context.participant_names)
    return bool(policies) and complete and not any(wanted in _names(policy.value) for policy in policies)


def _policies(context: Context) -> Iterator[Found[ParticipantPolicy]]:
    """Yield the policies of participants."""
    return (policy for policy in context.policies if context.participant_of(policy.value.metadata.name) is not None)


def _names(policy: ParticipantPolicy) -> list[str]:
    return [dataset.name for dataset in policy.spec.datasets]


def _meant(wanted: str, names: list[str]) -> str | None:
    """Return the name that is meant: a similar one, or the only one."""
    return nearest(wanted, names) or (names[0] if len(names) == 1 else None)


def _add(wanted: str) -> str:
    return f"Add `- {{name: {wanted}, uri: ...}}` to `spec.datasets`"


def _held(held: Mapping[str, list[str]]) -> str:
    """`bank-a, bank-b have tickets`, or the data sets of each policy."""
    some = list(held)[:5]
    if len({tuple(names) for names in held.values()}) == 1:
        return f"{', '.join(some)} {form(len(some), 'has', 'have')} {', '.join(held[some[0]][:5])}"
    return "; ".join(f"{who} has {', '.join(held[who][:5])}" for who in some)
