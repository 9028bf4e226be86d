"""Rules on `spec.evaluation`: metrics, and the hub's compute."""

import re

from fedtrain.api.evaluation import Evaluation, ExactMatch, HubEvaluation, Metric, ParticipantEvaluation
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.rules.context import Context
from fedtrain.api.rules.rule import Cel, Rule, Violations, broken, quoted, regex, rule
from fedtrain.api.rules.unique import unique

_LISTED = 5
"""Metrics that a message names."""
hub_metrics_are_unique = unique(HubEvaluation, "metrics", "metric", "name")
participant_metrics_are_unique = unique(ParticipantEvaluation, "metrics", "metric", "name")


@rule(
    HubEvaluation,
    "compute.nodes",
    message="`nodes` is {nodes}, but the hub evaluates on one node.",
    fix="Remove `nodes`; `gpusPerNode` may be greater than 1.",
    cel=Cel(valid="self.compute.nodes == 1", values={"nodes": "self.compute.nodes"}),
)
def hub_has_one_node(hub: HubEvaluation, context: Context) -> Violations:
    """`evaluation.hub.compute.nodes` is 1: the hub's tasks run in one pod."""
    if hub.compute.nodes > 1:
        yield broken(nodes=hub.compute.nodes)


_COMPARES = "m.type in ['Choices', 'ExactMatch']"
_TEXT = {
    "hub": "(self.data.format == 'Text')",
    "participants": "(has(self.data.datasets) ? self.data.datasets.exists(d, (has(d.format) ? d.format : "
    "self.data.format) == 'Text') : self.data.format == 'Text')",
}


def _needs_answers(where: str, block: type[HubEvaluation] | type[ParticipantEvaluation]) -> Rule:
    evaluation = f"self.evaluation.{where}"
    first = f"{evaluation}.metrics.filter(m, {_COMPARES})[0]"

    def check(evaluation: HubEvaluation | ParticipantEvaluation, context: Context) -> Violations:
        data = context.spec.data
        formats = {data.format} if where == "hub" else {source.format for source in data.sources}
        for number, metric in enumerate(evaluation.metrics):
            if "Text" in formats and compares_answers(metric):
                yield broken("metrics", number, "type", type=metric.type)

    check.__name__ = f"{where}_metrics_have_answers"
    check.__doc__ = f"Metrics of `evaluation.{where}` are not Choices or ExactMatch with `data.format: Text`."
    return rule(
        block,
        "metrics",
        message="{type} compares answers, but rows of `format: Text` have none.",
        fix="Use `type: Loss` or `type: Perplexity`, or another format.",
        cel=Cel(
            valid=f"!has({evaluation}) || !{_TEXT[where]} || !{evaluation}.metrics.exists(m, {_COMPARES})",
            values={"type": f"{first}.type", "metric": f"{first}.name"},
            block=FederatedTrainingSpec,
            field=f"evaluation.{where}.metrics",
            item="metric {metric}",
        ),
    )(check)


def compares_answers(metric: Metric) -> bool:
    """Return whether the metric is a fraction of rows with a correct answer."""
    return getattr(metric, "type", None) in ("Choices", "ExactMatch")


hub_metrics_have_answers = _needs_answers("hub", HubEvaluation)
participant_metrics_have_answers = _needs_answers("participants", ParticipantEvaluation)


@rule(
    HubEvaluation,
    "samples",
    message="`samples` needs prompts, but rows of `data.format: Text` have none.",
    fix="Remove `samples`, or use another `data.format`.",
    cel=Cel(
        valid="!has(self.evaluation.hub) || !has(self.evaluation.hub.samples) || self.data.format != 'Text'",
        block=FederatedTrainingSpec,
        field="evaluation.hub.samples",
    ),
)
def samples_have_prompts(hub: HubEvaluation, context: Context) -> Violations:
    """`evaluation.hub.samples` is not set with `data.format: Text`."""
    if hub.samples is not None and context.spec.data.format == "Text":
        yield broken()


_NO_HUB = "Add `evaluation.hub` with this metric"
_OR_ADD = ", or add this one to `evaluation.hub.metrics`"


def unknown_hub_metric(hub: str) -> str:
    """CEL of the fix for a metric that `hub` lacks. It joins the names one by one: an API server estimates that `map`
    and `join` cost too much."""
    more = (f"({hub}.metrics.size() > {at} ? '` or `' + {hub}.metrics[{at}].name : '')" for at in range(1, _LISTED))
    names = " + ".join((f"{hub}.metrics[0].name", *more))
    return f"has({hub}) ? 'Use `' + {names} + {quoted(f'`{_OR_ADD}')} : {quoted(_NO_HUB)}"


def no_hub_metric(metric: str, hub: HubEvaluation | None) -> Violations:
    """Yield the violation of a metric that the hub does not measure."""
    names = [one.name for one in hub.metrics] if hub is not None else []
    if metric not in names:
        yield broken(metric=metric, change=f"Use `{'` or `'.join(names[:_LISTED])}`{_OR_ADD}" if names else _NO_HUB)


@rule(
    Evaluation,
    "gate.metric",
    message="{metric} is not a metric of evaluation.hub.",
    fix="{change}.",
    cel=Cel(
        valid="!has(self.gate) || (has(self.hub) && self.hub.metrics.exists(m, m.name == self.gate.metric))",
        values={"metric": "self.gate.metric", "change": unknown_hub_metric("self.hub")},
    ),
)
def gate_has_a_metric(evaluation: Evaluation, context: Context) -> Violations:
    """`evaluation.gate.metric` is one of the hub's metrics."""
    if evaluation.gate is not None:
        yield from no_hub_metric(evaluation.gate.metric, evaluation.hub)


@rule(
    Evaluation,
    "every",
    message="`every` is {every}, but the gate needs the metric of every round.",
    fix="Write `every: 1`, or remove `gate`.",
    cel=Cel(valid="!has(self.gate) || self.every == 1", values={"every": "self.every"}),
)
def gate_sees_every_round(evaluation: Evaluation, context: Context) -> Violations:
    """`evaluation.every` is 1 with a gate: an adapter that was not measured cannot be rolled back."""
    if evaluation.gate is not None and evaluation.every > 1:
        yield broken(every=evaluation.every)


_GATED_SHARE = f"self.hub.metrics.exists(m, m.name == self.gate.metric && {_COMPARES})"


@rule(
    Evaluation,
    "gate.maxRegression",
    message="maxRegression is {limit}, but {metric} is a fraction from 0 to 1, so the gate would accept every adapter.",
    fix="Write `{fraction}` for {limit} percentage points.",
    cel=Cel(
        valid=f"!has(self.gate) || self.gate.maxRegression < 1.0 || !has(self.hub) || !{_GATED_SHARE}",
        values={
            "limit": "self.gate.maxRegression",
            "fraction": "self.gate.maxRegression / 100.0",
            "metric": "self.gate.metric",
        },
    ),
)
def gate_can_reject(evaluation: Evaluation, context: Context) -> Violations:
    """`evaluation.gate.maxRegression` is below 1 for a metric that is a fraction (Choices, ExactMatch)."""
    gate, hub = evaluation.gate, evaluation.hub
    if gate is None or hub is None or gate.max_regression < 1:
        return
    if any(one.name == gate.metric and compares_answers(one) for one in hub.metrics):
        yield broken(limit=f"{gate.max_regression:g}", metric=gate.metric, fraction=f"{gate.max_regression / 100:g}")


# CEL cannot compile a regular expression; it counts parentheses. From the left: an escaped character, a character
# class, a named group, another group with `(?`, a group, an end.
_TOKENS = regex(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?P<|\(\?|\(|\)")
_FOUND = f"self.findAll({_TOKENS})"
_GROUPS = f"{_FOUND}.filter(t, t == '(' || t == '(?P<').size()"
_OPENED = f"{_FOUND}.filter(t, t.startsWith('(')).size()"
_CLOSED = f"{_FOUND}.filter(t, t == ')').size()"


def _groups(pattern: str) -> int | None:
    """The number of groups; None for an invalid pattern."""
    try:
        return re.compile(pattern).groups
    except (re.error, OverflowError, RecursionError):
        return None


_PLAIN_WORDS = {
    "missing ), unterminated subpattern": "a parenthesis is not closed",
    "unbalanced parenthesis": "a parenthesis is closed that was not opened",
    "unterminated character set": "a bracket is not closed",
    "nothing to repeat": "nothing precedes the sign that repeats",
    "multiple repeat": "two signs that repeat follow each other",
}


def _in_plain_words(message: str) -> str:
    return _PLAIN_WORDS.get(message, message)


@rule(
    ExactMatch,
    "pattern",
    message="The pattern is not a valid regular expression: {error}.",
    fix="Correct it, and write `\\` before special characters that stand for themselves, such as `\\(`.",
    cel=Cel(
        valid=f"{_OPENED} == {_CLOSED}",
        values={"error": f"'it has %s opening and %s closing parentheses'.format([{_OPENED}, {_CLOSED}])"},
        of_field=True,
    ),
)
def pattern_is_valid(exact_match: ExactMatch, context: Context) -> Violations:
    """`exactMatch.pattern` is a regular expression of Python."""
    try:
        re.compile(exact_match.pattern)
    except re.error as error:
        position = f" at character {error.pos + 1}" if error.pos is not None else ""
        yield broken(error=f"{_in_plain_words(error.msg)}{position}")
    except (OverflowError, RecursionError):
        yield broken(error="it is too large")


@rule(
    ExactMatch,
    "pattern",
    message="The pattern has no group.",
    fix="Put `(` and `)` around the part to compare.",
    cel=Cel(valid=f"{_OPENED} != {_CLOSED} || {_GROUPS} > 0", of_field=True),
)
def pattern_has_a_group(exact_match: ExactMatch, context: Context) -> Violations:
    """`exactMatch.pattern` has a group, whose text is compared."""
    if _groups(exact_match.pattern) == 0:
        yield broken()


@rule(
    ExactMatch,
    "pattern",
    message="The pattern has {groups} groups, but only one can be compared.",
    fix="Use `(?:` and `)` for the others.",
    cel=Cel(valid=f"{_OPENED} != {_CLOSED} || {_GROUPS} < 2", values={"groups": _GROUPS}, of_field=True),
)
def pattern_has_one_group(exact_match: ExactMatch, context: Context) -> Violations:
    """`exactMatch.pattern` has at most one group."""
    groups = _groups(exact_match.pattern)
    if groups is not None and groups > 1:
        yield broken(groups=groups)
