"""Rules on `metadata`, which the root of an object judges."""

from fedtrain.api.crd.rule import Rule

NAME = (
    Rule(
        holds="self.metadata.name.size() <= 40",
        field="metadata.name",
        says="The name has {self.metadata.name.size()} characters. Write one of at most 40.",
    ),
    Rule(
        holds="!self.metadata.name.contains('.')",
        field="metadata.name",
        says="\"{self.metadata.name}\" has a dot. Write {self.metadata.name.replace('.', '-')} (a-z, 0-9 and -).",
    ),
)
