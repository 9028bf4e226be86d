"""Rules on a Participant, the hub's record."""

from fedtrain.api.participant_record import ParticipantRecordSpec
from fedtrain.api.rules.context import Context
from fedtrain.api.rules.rule import Cel, Violations, broken, rule
from fedtrain.api.rules.unique import unique

namespaces_are_unique = unique(ParticipantRecordSpec, "allowedNamespaces", "namespace")


@rule(
    ParticipantRecordSpec,
    "namespace",
    message="Namespaces whose names begin with kube- belong to Kubernetes.",
    fix="Use a namespace for this participant alone, such as its name.",
    cel=Cel(valid="!self.startsWith('kube-')", of_field=True),
)
def namespace_is_not_of_the_system(spec: ParticipantRecordSpec, context: Context) -> Violations:
    """`namespace` is not one of Kubernetes' own."""
    if spec.namespace.startswith("kube-"):
        yield broken()


@rule(
    ParticipantRecordSpec,
    "allowedNamespaces",
    message='"*" already allows all namespaces, so the others have no effect.',
    fix='Use `["*"]`, or only names.',
    cel=Cel(valid="self.size() == 1 || !('*' in self)", of_field=True),
    at_key=True,
)
def all_namespaces_or_names(spec: ParticipantRecordSpec, context: Context) -> Violations:
    """`allowedNamespaces` is `"*"` alone, or names."""
    if "*" in spec.allowed_namespaces and len(spec.allowed_namespaces) > 1:
        yield broken()
