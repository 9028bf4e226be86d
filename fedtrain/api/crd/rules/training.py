"""Rules on `spec.rounds` and `spec.partitioning`."""

from fedtrain.api.crd.rule import Rule

DEADLINE = (
    Rule(
        holds="self.deadline.matches('[1-9]')",
        field="deadline",
        says="{self.deadline} leaves no time to train. Write 2h, say.",
    ),
)

EXHAUSTED = (
    Rule(
        holds="self.strategy != 'All' || self.onExhausted == 'Wrap'",
        field="onExhausted",
        says="With strategy All every round is a whole pass, so {self.onExhausted} would never apply. "
        "Remove it, or choose a strategy such as Percentage.",
        reason="FieldValueForbidden",
    ),
)
