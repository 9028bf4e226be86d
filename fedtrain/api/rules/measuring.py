"""Rules on metrics and on what needs a validation split."""

import re

from fedtrain.api.evaluation import Metric
from fedtrain.api.rules.participants import repeated
from fedtrain.api.rules.subject import Found, Problem, Problems, Subject


def metrics_have_their_own_names(subject: Subject) -> Problems:
    """No two metrics of the hub, and no two of the participants, have the same name."""
    for where in ("hub", "participants"):
        names = ((m.value.name, m.place.at("name")) for m in subject.metrics if where in m.place.path)
        yield from repeated(names, "metric")


def the_hub_measures_on_one_node(subject: Subject) -> Problems:
    """`evaluation.hub.compute.nodes` is 1: the hub's tasks run in one pod."""
    hub = subject.spec.evaluation.hub
    if hub is not None and hub.compute.nodes > 1:
        place = subject.at("evaluation", "hub", "compute", "nodes")
        fix = "Remove it; gpusPerNode may be more than 1."
        yield Problem(place, f"The hub measures on one node, and nodes is {hub.compute.nodes}.", fix)


def metrics_fit_the_format(subject: Subject, metric: Found[Metric]) -> Problems:
    """Choices and ExactMatch need answers, which rows of `data.format: Text` don't have."""
    if subject.spec.data.format == "Text" and metric.value.type in ("Choices", "ExactMatch"):
        message = f"{metric.value.type} compares answers, and rows of data.format Text have none."
        yield Problem(metric.place.at("type"), message, "Write Loss or Perplexity, or another data.format.")


def patterns_have_one_group(subject: Subject, metric: Found[Metric]) -> Problems:
    """`exactMatch.pattern` is a regular expression (Python's) with one group, which is what is compared."""
    if metric.value.exact_match is None:
        return
    pattern, place = metric.value.exact_match.pattern, metric.place.at("exactMatch", "pattern")
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        at = f" at character {error.pos + 1}" if error.pos is not None else ""
        yield Problem(place, f"It is not a regular expression: {error.msg}{at}.", "Put a \\ before special characters.")
        return
    if groups == 0:
        yield Problem(place, "The pattern has no group.", "Put ( ) around what is to be compared.")
    if groups > 1:
        message = f"The pattern has {groups} groups, and one is compared."
        yield Problem(place, message, "Write (?: ) for the others.")


def best_needs_a_validation_split(subject: Subject) -> Problems:
    """`training.keep: Best` needs `data.validationFraction` above 0."""
    if subject.spec.training.keep == "Best" and subject.spec.data.validation_fraction == 0:
        message = "Best is by validation loss, and data.validationFraction is 0."
        yield Problem(subject.at("training", "keep"), message, "Write Last, or validationFraction: 0.1.")


def validation_loss_needs_a_validation_split(subject: Subject) -> Problems:
    """`aggregation.weights: ValidationLoss` needs `data.validationFraction` above 0."""
    if subject.spec.aggregation.weights == "ValidationLoss" and subject.spec.data.validation_fraction == 0:
        message = "ValidationLoss weighs by validation loss, and data.validationFraction is 0."
        yield Problem(subject.at("aggregation", "weights"), message, "Write Samples, or validationFraction: 0.1.")


def participants_metrics_need_a_validation_split(subject: Subject) -> Problems:
    """`evaluation.participants` needs `data.validationFraction` above 0."""
    if subject.spec.evaluation.participants is not None and subject.spec.data.validation_fraction == 0:
        message = "Participants measure on their validation split, and data.validationFraction is 0."
        fix = "Remove it, or write validationFraction: 0.1."
        yield Problem(subject.at("evaluation", "participants"), message, fix, key=True)
