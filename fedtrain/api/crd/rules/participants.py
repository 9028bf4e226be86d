"""Rules on `spec.participants`, and on what depends on who takes part.

A rule on one participant and another block is judged at the spec, so its message names the participant.
"""

from fedtrain.api.crd.rule import Rule, expression, quoted


def _more_than_none(field: str, what: str, fix: str) -> Rule:
    """A size of at least one byte; what is no size at all has another rule."""
    size = f"self.{field}"
    return Rule(
        holds=f"!has({size}) || !isQuantity({size}) || quantity({size}).compareTo(quantity('1')) >= 0",
        field=field,
        says=f"{{{size}}} is no {what} at all. Write {fix}, or remove it.",
    )


GPU_MEMORY = (_more_than_none("gpuMemory", "memory", "what one GPU has, such as 40Gi"),)

COMPUTE = (
    *GPU_MEMORY,
    Rule(
        holds="!has(self.cpu) || self.cpu.matches('[1-9]')",
        field="cpu",
        says='{self.cpu} is no core at all. Write what a node\'s task needs, such as "4", or remove it.',
    ),
    _more_than_none("memory", "memory", "what a node's task needs, such as 16Gi"),
)

_COUNT = "self.participants.size()"
_MINIMUM = "self.rounds.minParticipants"
_PROCESSES = "(p.compute.nodes * (p.compute.gpusPerNode > 1 ? p.compute.gpusPerNode : 1))"
_BATCH = "self.training.batchSize"
_SHARED = "has(self.training.microBatchSize)"
_OWN = "(has(p.training) && has(p.training.microBatchSize))"
_MICRO = f"({_OWN} ? p.training.microBatchSize : {_SHARED} ? self.training.microBatchSize : 1)"
_PLAIN = f"(!{_OWN} && {_PROCESSES} == 1)"
_SPLITS = f"({_PLAIN} || {_BATCH} % ({_MICRO} * {_PROCESSES}) == 0)"
_STEP = f"({_MICRO} * {_PROCESSES})"
_MANY = expression(f"microBatchSize {{{_MICRO}}} x {{{_PROCESSES}}} processes")
_ONE = expression(f"microBatchSize {{{_MICRO}}}")
_NONE = expression(f"the {{{_PROCESSES}}} processes of this participant")
_PARTS = f"(!{_OWN} && !{_SHARED} ? {_NONE} : {_PROCESSES} > 1 ? {_MANY} : {_ONE})"


def _no_multiple(step: str, parts: str) -> str:
    """Which number is no multiple of which, and the batch sizes that would do."""
    below, above = f"{_BATCH} / {step} * {step}", f"({_BATCH} / {step} + 1) * {step}"
    more = expression(f"Write batchSize: {{{step}}}, or less of the other.")
    other = expression(f"Write batchSize: {{{below}}} or {{{above}}}, or change the other.")
    fix = f"({step} > {_BATCH} ? {more} : {other})"
    return f"training.batchSize {{{_BATCH}}} is not a multiple of {{{step}}} ({parts}). {{{fix}}}"


_FEW = expression(f"the {{{_COUNT}}} participants. Write {{{_COUNT}}} or less.")
_TOO_MANY = f"({_COUNT} > 1 ? {_FEW} : {quoted('the one participant. Write 1.')})"
_UNEVEN = expression("participant {p.name}: " + _no_multiple(_STEP, f"{{{_PARTS}}}"))
_MICRO_BATCH = "self.training.microBatchSize"

RULES = (
    Rule(
        holds=f"!has({_MINIMUM}) || {_MINIMUM} <= {_COUNT}",
        field="rounds.minParticipants",
        says=f"{{{_MINIMUM}}} is more than {{{_TOO_MANY}}}",
    ),
    Rule(
        holds="self.aggregation.weights == 'Fixed' || self.participants.all(p, !has(p.weight))",
        field="participants",
        says="participant {self.participants.filter(p, has(p.weight))[0].name}: "
        "A weight counts with aggregation.weights: Fixed only, and it is {self.aggregation.weights}. "
        "Remove the weight, or write weights: Fixed.",
        reason="FieldValueForbidden",
    ),
    Rule(
        holds="self.aggregation.weights != 'Fixed' || self.participants.all(p, has(p.weight))",
        field="participants",
        says="participant {self.participants.filter(p, !has(p.weight))[0].name}: "
        "It is missing: with aggregation.weights: Fixed every participant has one. Write weight: 1, say.",
        reason="FieldValueRequired",
    ),
    Rule(
        holds=f"!{_SHARED} || {_BATCH} % {_MICRO_BATCH} == 0 || !self.participants.exists(p, {_PLAIN})",
        field="training.microBatchSize",
        says=_no_multiple(_MICRO_BATCH, f"microBatchSize {{{_MICRO_BATCH}}}"),
    ),
    Rule(
        holds=f"self.participants.all(p, {_SPLITS})",
        field="participants",
        says=f"{{self.participants.filter(p, !{_SPLITS}).map(p, {_UNEVEN})[0]}}",
    ),
)
