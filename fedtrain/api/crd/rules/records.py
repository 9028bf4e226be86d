"""Rules on a Participant, the hub's record."""

from fedtrain.api.crd.rule import Rule

RULES = (
    Rule(
        holds="self.allowedNamespaces.size() == 1 || !('*' in self.allowedNamespaces)",
        field="allowedNamespaces",
        says='"*" allows all namespaces, so the others would not count. Write ["*"], or names alone.',
    ),
)
