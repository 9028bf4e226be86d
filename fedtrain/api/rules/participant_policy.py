"""Rules on a ParticipantPolicy, and on a policy together with the training."""

from typing import Any

from fedtrain.api.base import Block, as_label, label_in_yaml
from fedtrain.api.participant_policy import Allow, Limits, ParticipantPolicy, ParticipantPolicySpec, Window
from fedtrain.api.rules.context import Context
from fedtrain.api.rules.participants import positive_size
from fedtrain.api.rules.rule import Cel, Rule, Violations, broken, rule
from fedtrain.api.rules.unique import unique
from fedtrain.api.shapes import fields_of
from fedtrain.listing import listed

datasets_are_unique = unique(ParticipantPolicySpec, "datasets", "data set", "name")
limit_is_positive = positive_size(Limits, "gpuMemory", "the memory of one GPU", "40Gi")


def _not_empty(block: type[Block], field: str, allows: str, fix: str) -> Rule:
    """The rule against an empty list, which its writer may take for "none" although it limits nothing."""
    attribute = fields_of(block)[field].attribute

    def check(judged: Any, context: Context) -> Violations:
        if attribute in judged.model_fields_set and not getattr(judged, attribute):
            yield broken()

    check.__name__, check.__doc__ = f"{block.__name__}_{field}_is_not_empty", f"`{field}` is not empty."
    return rule(
        block,
        field,
        message=f"`{field}` is empty, which allows {allows}, as if it were omitted.",
        fix=fix,
        cel=Cel(valid="self.size() > 0", of_field=True),
        at_key=True,
    )(check)


_LIST = "List what is allowed, or remove it. To allow nothing, set `suspend: true`."
permissions_are_not_empty = tuple(_not_empty(Allow, field, "everything", _LIST) for field in fields_of(Allow))
windows_are_not_empty = _not_empty(
    ParticipantPolicySpec,
    "windows",
    "tasks at any time",
    "List times, or remove it. To allow no tasks, set `suspend: true`.",
)
days_are_not_empty = _not_empty(Window, "days", "every day", "List days, or remove it.")


@rule(
    ParticipantPolicy,
    "metadata.name",
    message="There are two documents of ParticipantPolicy {name}.",
    fix="{use}.",
)
def policies_are_unique(policy: ParticipantPolicy, context: Context) -> Violations:
    """A participant has one policy."""
    for other in context.policies:
        if other.value is policy:
            return
        if other.value.metadata.name == policy.metadata.name:
            use = "Merge the two into one document"
            if others := context.without_policy:
                use = f"If this one is the policy of {_or(others)}, correct its name; else merge the two documents"
            yield broken(name=policy.metadata.name, use=use)
            return


@rule(
    ParticipantPolicy,
    "metadata.name",
    message="{name} is not a participant of {training}.",
    fix="{use}.",
)
def policy_has_a_participant(policy: ParticipantPolicy, context: Context) -> Violations:
    """Every ParticipantPolicy belongs to one of the training's participants."""
    name, names = policy.metadata.name, context.participant_names
    if name not in names and as_label(name) not in context.misspelt_names and not context.has_repeated_names:
        training = context.training.value.metadata.name
        use = f"Add `- name: {label_in_yaml(name)}` to spec.participants, or remove this document"
        if others := context.without_policy:
            use = f"Write the name of a participant without a policy ({_or(others)}), or remove this document"
        if context.renamed is not None:
            without = label_in_yaml(context.renamed[0])
            use = f"Write `name: {without}`, which has no policy, or rename that participant to `{name}`"
        yield broken(name=name, training=training, use=use)


def _or(names: list[str]) -> str:
    return listed([as_label(name) or name for name in names[:5]], "or")
