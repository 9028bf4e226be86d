"""Checks whether the hub's rows offer what the metric Choices compares: the hub refuses them otherwise, in round 0."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from fedtrain.api.evaluation import MAX_CHOICES
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.reading.errors import FieldError
from fedtrain.api.reading.federation import Federation
from fedtrain.data.errors import DataError
from fedtrain.data.row import Row, answer


@dataclass
class Offered:
    """Answers of a data set: all different ones, or some more than `MAX_CHOICES`. `open`: whether a row has no choices
    of its own. `strange`: rows whose answer is not among their choices, and whether only blanks differ from one."""

    answers: set[str] = field(default_factory=set[str])
    open: bool = False
    strange: list[tuple[str, bool]] = field(default_factory=list[tuple[str, bool]])

    def add(self, row: Row) -> None:
        if "text" in row.fields:
            return
        try:
            text = answer(row)
        except DataError:  # a turn without text
            return
        if len(self.answers) <= MAX_CHOICES:
            self.answers.add(text)
        own = row.fields.get("choices")
        self.open = self.open or own is None
        if own is not None and text not in own:
            self.strange.append((row.where, text.strip() in (choice.strip() for choice in own)))


def choices_errors(federation: Federation, offered: Offered, complete: bool) -> Iterator[FieldError]:
    """Yield the error of the first metric of type Choices. `offered`: by the hub's rows; `complete`: by all of them."""
    position = next(_positions(federation.training.spec), None)
    if position is None or not offered.open:
        return
    count = len(offered.answers)
    if count > MAX_CHOICES or (complete and count < 2):
        many = f"more than {MAX_CHOICES} different answers" if count > MAX_CHOICES else "one answer only"
        yield federation.error_at(
            ("spec", "evaluation", "hub", "metrics", position, "type"),
            f"Choices compares 2 to {MAX_CHOICES} different answers, and the hub's rows have {many}.",
            'Give each row a field "choices", or use `type: ExactMatch` or `type: Loss`.',
        )


def strange_rows(spec: FederatedTrainingSpec, strange: Sequence[tuple[str, bool]]) -> list[DataError]:
    """Return the faults of rows whose answer is not among their choices, if the hub measures Choices."""
    if not measures_choices(spec):
        return []
    return [_strange(where, only_blanks) for where, only_blanks in strange]


def measures_choices(spec: FederatedTrainingSpec) -> bool:
    """Whether the hub measures Choices."""
    return next(_positions(spec), None) is not None


def _strange(where: str, only_blanks: bool) -> DataError:
    if only_blanks:
        problem = 'the answer differs from one of the "choices" only in blanks at its start or end'
        return DataError(f"{where}: {problem}", "write both in the same way")
    return DataError(f"{where}: the answer is not among the choices", 'add it to the row\'s "choices"')


def _positions(spec: FederatedTrainingSpec) -> Iterator[int]:
    metrics = spec.evaluation.hub.metrics if spec.evaluation.hub is not None else ()
    return (number for number, metric in enumerate(metrics) if metric.type == "Choices")
