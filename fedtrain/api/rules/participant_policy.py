"""Rules on a ParticipantPolicy, and on a policy together with the training."""

from fedtrain.api.base import as_label, label_in_yaml
from fedtrain.api.participant_policy import Allow, Limits, ParticipantPolicy, ParticipantPolicySpec
from fedtrain.api.rules.context import Context
from fedtrain.api.rules.participants import positive_size
from fedtrain.api.rules.rule import Violations, broken, rule
from fedtrain.api.rules.unique import unique
from fedtrain.api.shapes import fields_of
from fedtrain.listing import listed

datasets_are_unique = unique(ParticipantPolicySpec, "datasets", "data set", "name")
limit_is_positive = positive_size(Limits, "gpuMemory", "the memory of one GPU", "40Gi")


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


@rule(
    Allow,
    message="{lists} {is_empty}, which allows everything, as if {it} were omitted.",
    fix="List what is allowed, or remove {them}. To allow nothing, set `suspend: true`.",
)
def permissions_are_not_empty(allow: Allow, context: Context) -> Violations:
    """No list of `allow` is empty. If all are, a cluster has filled in the default."""
    known = fields_of(Allow)
    empty = [name for name, one in known.items() if _is_written(allow, one.attribute)]
    if empty and len(empty) < len(known):
        one = len(empty) == 1
        is_empty, it, them = ("is empty", "it", "it") if one else ("are empty", "they", "them")
        lists = listed([f"`{name}`" for name in empty])
        yield broken(*empty[:1], lists=lists, is_empty=is_empty, it=it, them=them)


def _is_written(allow: Allow, attribute: str) -> bool:
    return attribute in allow.model_fields_set and not getattr(allow, attribute)


def _or(names: list[str]) -> str:
    return listed([as_label(name) or name for name in names[:5]], "or")
