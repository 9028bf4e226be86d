"""Rules on `spec.participants`, and on other blocks together with it."""

import re
from collections.abc import Callable
from contextlib import suppress
from math import lcm
from typing import Any

from fedtrain.api.base import API_VERSION, Block, as_label, label_in_yaml, quantity
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.participants import Compute, Participant
from fedtrain.api.rules.context import Context
from fedtrain.api.rules.rule import Cel, Rule, Violations, broken, rule
from fedtrain.api.rules.unique import unique
from fedtrain.api.shapes import fields_of


def positive_size(block: type[Block], field: str, what: str, example: str) -> Rule:
    """The rule that a size is at least one byte."""
    attribute = fields_of(block)[field].attribute

    def check(judged: Any, context: Context) -> Violations:
        size = getattr(judged, attribute)
        if size is not None and quantity(size) == 0:
            yield broken(size=size)

    check.__name__, check.__doc__ = f"{block.__name__}_{field}_is_positive", f"`{field}` is greater than 0."
    return rule(
        block,
        field,
        message=f"{field} is {{size}}, but must be greater than 0.",
        fix=f"Set it to {what}, such as `{example}`, or remove it.",
        cel=Cel(
            valid="!isQuantity(self) || quantity(self).compareTo(quantity('1')) >= 0",
            values={"size": "self"},
            of_field=True,
        ),
    )(check)


names_are_unique = unique(FederatedTrainingSpec, "participants", "participant", "name")
gpu_memory_is_positive = positive_size(Compute, "gpuMemory", "the memory of one GPU", "40Gi")
memory_is_positive = positive_size(Compute, "memory", "the memory of one node", "16Gi")


@rule(
    Compute,
    "cpu",
    message="cpu is {cpu}, but must be greater than 0.",
    fix='Set it to the cores of one node, such as `"4"`, or remove it.',
    cel=Cel(valid="self.matches('[1-9]')", values={"cpu": "self"}, of_field=True),
)
def cpu_is_positive(compute: Compute, context: Context) -> Violations:
    """`cpu` is greater than 0."""
    if compute.cpu is not None and not re.search("[1-9]", compute.cpu):
        yield broken(cpu=compute.cpu)


_FIXED = "self.aggregation.weights == 'Fixed'"
_PRIVATE = "(has(self.privacy) && self.privacy.unit == 'Participant')"


def at_participants(valid: str, values: dict[str, str], first: str) -> Cel:
    """CEL on all participants, reported at the list with the name of the first one that is invalid."""
    name = f"self.participants.filter(p, {first})[0].name"
    return Cel(
        valid=valid,
        values={**values, "who": name},
        block=FederatedTrainingSpec,
        field="participants",
        item="participant {who}",
    )


def _is_first(participant: Participant, context: Context, breaks: Callable[[Participant], bool]) -> bool:
    """Whether a participant is the first one that breaks a rule. One change of the file fixes it for all of them, so
    one error is enough."""

    def breaks_too(other: Participant) -> bool:
        with suppress(AttributeError):  # a malformed file lacks some fields
            return breaks(other)
        return False

    return breaks(participant) and next(filter(breaks_too, context.spec.participants)) is participant


@rule(
    Participant,
    "weight",
    message="`weight` is allowed only with `aggregation.weights: Fixed`, but aggregation.weights is {weights}.",
    fix="Set `aggregation.weights: Fixed` and a `weight` for every participant, or remove every `weight`.",
    cel=at_participants(
        f"{_FIXED} || self.participants.all(p, !has(p.weight))",
        {"weights": "self.aggregation.weights"},
        "has(p.weight)",
    ),
    reason="FieldValueForbidden",
    at_key=True,
)
def weight_only_with_fixed(participant: Participant, context: Context) -> Violations:
    """A participant has a `weight` only with `aggregation.weights: Fixed`."""
    weights = context.spec.aggregation.weights
    if weights != "Fixed" and _is_first(participant, context, lambda one: one.weight is not None):
        yield broken(weights=weights)


@rule(
    Participant,
    "weight",
    message="`weight` is required because aggregation.weights is Fixed.",
    fix="Set it on every participant, such as `weight: 1`.",
    cel=at_participants(
        f"!({_FIXED}) || {_PRIVATE} || self.participants.all(p, has(p.weight))",
        {},
        "!has(p.weight)",
    ),
    reason="FieldValueRequired",
)
def weight_required_with_fixed(participant: Participant, context: Context) -> Violations:
    """Every participant has a `weight` with `aggregation.weights: Fixed`."""
    spec = context.spec
    if spec.aggregation.weights != "Fixed" or spec.participant_privacy is not None:  # which forbids Fixed
        return
    if _is_first(participant, context, lambda one: one.weight is None):
        yield broken()


_BATCH = "self.training.batchSize"
_MICRO_BATCH = "self.training.microBatchSize"
_PROCESSES = "(p.compute.nodes * (p.compute.gpusPerNode > 1 ? p.compute.gpusPerNode : 1))"
_OWN = "(has(p.training) && has(p.training.microBatchSize))"
_MICRO = f"({_OWN} ? p.training.microBatchSize : has({_MICRO_BATCH}) ? {_MICRO_BATCH} : 1)"
_INHERITS = f"(!{_OWN} && {_PROCESSES} == 1)"
_SPLITS = f"({_INHERITS} || {_BATCH} % ({_MICRO} * {_PROCESSES}) == 0)"


def _of_first(value: str) -> str:
    """CEL of a value of the first participant whose batch does not divide."""
    return f"self.participants.filter(p, !{_SPLITS}).map(p, {value})[0]"


def _multiple(step: str) -> str:
    """CEL of the smallest multiple of `step` that is at least the batch size."""
    return f"{_times(step)} * {step}"


def _times(step: str) -> str:
    """CEL of how often `step` is in that multiple."""
    return f"({_BATCH} + {step} - 1) / {step}"


def _processes(participant: Participant) -> int:
    return participant.compute.nodes * max(1, participant.compute.gpus_per_node)


def _inherits(participant: Participant) -> bool:
    return participant.training.micro_batch_size is None and _processes(participant) == 1


def _step(participant: Participant, spec: FederatedTrainingSpec) -> int:
    """Rows of which the participant's batch must be a multiple."""
    return (participant.training.micro_batch_size or spec.training.micro_batch_size or 1) * _processes(participant)


def _breaks(participant: Participant, spec: FederatedTrainingSpec) -> bool:
    return not _inherits(participant) and spec.training.batch_size % _step(participant, spec) != 0


@rule(
    FederatedTrainingSpec,
    "training.microBatchSize",
    message="batchSize is {batch}, which is not a multiple of microBatchSize {micro}.",
    fix="Write `batchSize: {multiple}` ({micro} x {times}), the next that fits, or change `microBatchSize`.",
    cel=Cel(
        valid=f"!has({_MICRO_BATCH}) || {_BATCH} % {_MICRO_BATCH} == 0 || !self.participants.exists(p, {_INHERITS}) || "
        f"self.participants.exists(p, !{_SPLITS})",
        values={
            "batch": _BATCH,
            "micro": _MICRO_BATCH,
            "multiple": _multiple(_MICRO_BATCH),
            "times": _times(_MICRO_BATCH),
        },
    ),
)
def batch_is_a_multiple_of_micro_batch(spec: FederatedTrainingSpec, context: Context) -> Violations:
    """`training.batchSize` is a multiple of `training.microBatchSize`."""
    batch, micro = spec.training.batch_size, spec.training.micro_batch_size
    if micro is None or batch % micro == 0 or any(_breaks(one, spec) for one in spec.participants):
        return  # a batch that suits the processes of a participant is a multiple of microBatchSize
    if any(_inherits(participant) for participant in spec.participants):
        times = -(-batch // micro)
        yield broken(batch=batch, micro=micro, multiple=times * micro, times=times)


@rule(
    Participant,
    "compute.nodes",
    message="training.batchSize is {batch}, which is not a multiple of {step} "
    "(microBatchSize {micro} x {processes} processes: nodes x gpusPerNode).",
    fix="Write `batchSize: {multiple}` ({step} x {times}), the next that fits{all}, or change `microBatchSize`, "
    "`nodes` or `gpusPerNode`.",
    cel=at_participants(
        f"self.participants.all(p, {_SPLITS})",
        {
            "batch": _BATCH,
            "step": _of_first(f"{_MICRO} * {_PROCESSES}"),
            "micro": _of_first(_MICRO),
            "processes": _of_first(_PROCESSES),
            "multiple": _of_first(_multiple(f"({_MICRO} * {_PROCESSES})")),
            "times": _of_first(_times(f"({_MICRO} * {_PROCESSES})")),
            "all": "''",
        },
        f"!{_SPLITS}",
    ),
)
def batch_divides_over_processes(participant: Participant, context: Context) -> Violations:
    """`training.batchSize` is a multiple of `microBatchSize` times a participant's processes (nodes x GPUs per node,
    or nodes without GPUs)."""
    spec = context.spec
    if not _is_first(participant, context, lambda one: _breaks(one, spec)):
        return
    own, gpus = participant.training.micro_batch_size, participant.compute.gpus_per_node > 1
    batch, step = spec.training.batch_size, _step(participant, spec)
    suits_all = lcm(*(_step(one, spec) for one in spec.participants))
    multiple = -(-batch // suits_all) * suits_all
    yield broken(
        *(("training", "microBatchSize") if own else ("compute", "gpusPerNode" if gpus else "nodes")),
        batch=batch,
        step=step,
        micro=step // _processes(participant),
        processes=_processes(participant),
        multiple=multiple,
        times=multiple // step,
        all=" all participants" if suits_all != step else "",
    )


@rule(
    Participant,
    "name",
    message="This file has no ParticipantPolicy{others}, which declares where {name}'s data is.",
    fix="Add a line with `---` at the end of the file, and below it `{document}` with the path of {name}'s rows.",
    scope="AllPolicies",
)
def every_participant_has_a_policy(participant: Participant, context: Context) -> Violations:
    """Every participant has a ParticipantPolicy of its name."""
    if participant.name not in context.policy_names and as_label(participant.name) not in context.misspelt_names:
        some = list(context.policy_names)[:5]
        others = f" {participant.name} (only {', '.join(some)})" if some else ""
        if context.renamed is None and not context.has_repeated_names:  # else a rule on those names says so
            yield broken(name=participant.name, others=others, document=_policy_of(participant.name, context))


def _policy_of(name: str, context: Context) -> str:
    """Return the shortest policy of a participant."""
    names = ("tickets",)
    with suppress(AttributeError):  # a malformed file may lack the data set
        names = context.spec.data.names
    places = ", ".join(f"{{name: {label_in_yaml(one)}, uri: ./data/{name}.jsonl}}" for one in names)
    metadata = f"{{name: {label_in_yaml(name)}}}"
    spec = f"{{datasets: [{places}]}}"
    return f"{{apiVersion: {API_VERSION}, kind: ParticipantPolicy, metadata: {metadata}, spec: {spec}}}"
