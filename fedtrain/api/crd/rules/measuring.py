"""Rules on metrics and on what needs a validation split."""

from fedtrain.api.crd.rule import Rule, regex

_SPLIT = "self.data.validationFraction > 0.0"
_NO_ANSWERS = "self.data.format == 'Text' && m.type in ['Choices', 'ExactMatch']"


def _fits_the_format(where: str) -> Rule:
    block = f"self.evaluation.{where}"
    first = f"{block}.metrics.filter(m, {_NO_ANSWERS})[0]"
    return Rule(
        holds=f"!has({block}) || !{block}.metrics.exists(m, {_NO_ANSWERS})",
        field=f"evaluation.{where}.metrics",
        says=f"metric {{{first}.name}}: {{{first}.type}} compares answers, and rows of data.format Text have none. "
        "Write Loss or Perplexity, or another data.format.",
    )


RULES = (
    Rule(
        holds=f"self.training.keep != 'Best' || {_SPLIT}",
        field="training.keep",
        says="Best is by validation loss, and data.validationFraction is 0. Write Last, or validationFraction: 0.1.",
    ),
    Rule(
        holds=f"self.aggregation.weights != 'ValidationLoss' || {_SPLIT}",
        field="aggregation.weights",
        says="ValidationLoss weighs by validation loss, and data.validationFraction is 0. "
        "Write Samples, or validationFraction: 0.1.",
    ),
    Rule(
        holds=f"!has(self.evaluation.participants) || {_SPLIT}",
        field="evaluation.participants",
        says="Participants measure on their validation split, and data.validationFraction is 0. "
        "Remove it, or write validationFraction: 0.1.",
        reason="FieldValueForbidden",
    ),
    _fits_the_format("hub"),
    _fits_the_format("participants"),
)

HUB = (
    Rule(
        holds="self.compute.nodes == 1",
        field="compute.nodes",
        says="The hub measures on one node, and nodes is {self.compute.nodes}. "
        "Remove it; gpusPerNode may be more than 1.",
    ),
)

# From the left: what is escaped, a set of characters, a group that is named, one that is none, a group, an end.
_TOKENS = regex(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?P<|\(\?|\(|\)")
_FOUND = f"self.pattern.findAll({_TOKENS})"
_GROUPS = f"{_FOUND}.filter(t, t == '(' || t == '(?P<').size()"
_OPENED = f"{_FOUND}.filter(t, t.startsWith('(')).size()"
_CLOSED = f"{_FOUND}.filter(t, t == ')').size()"

PATTERN = (
    Rule(
        holds=f"{_OPENED} == {_CLOSED}",
        field="pattern",
        says="It is not a regular expression: it opens {" + _OPENED + "} groups with ( and ends "
        "{" + _CLOSED + "} with ). Put a \\ before special characters.",
    ),
    Rule(
        holds=f"{_OPENED} != {_CLOSED} || {_GROUPS} > 0",
        field="pattern",
        says="The pattern has no group. Put ( ) around what is to be compared.",
    ),
    Rule(
        holds=f"{_OPENED} != {_CLOSED} || {_GROUPS} < 2",
        field="pattern",
        says="The pattern has {" + _GROUPS + "} groups, and one is compared. Write (?: ) for the others.",
    ),
)
