"""The metrics of an adapter on some rows."""

import math
from collections.abc import Sequence

from fedtrain.api.evaluation import ExactMatch, Metric
from fedtrain.data.row import Row
from fedtrain_trainer.choices import options, right
from fedtrain_trainer.context import Context
from fedtrain_trainer.data import encoded
from fedtrain_trainer.exact_match import compiled, matches, wanted
from fedtrain_trainer.examples import Encoder, Example
from fedtrain_trainer.lora import AdaptedModel
from fedtrain_trainer.loss import mean_loss
from fedtrain_trainer.outcome import Refused
from fedtrain_trainer.precision import chosen


class Measure:
    """Measures `model`, as it is, on `rows`; the processes share the rows."""

    def __init__(self, context: Context, model: AdaptedModel, encoder: Encoder, rows: Sequence[Row]) -> None:
        self._context = context
        self._model = model
        self._encoder = encoder
        self._rows = rows
        self._dtype = chosen(context.task.training.precision, model.device)
        self._examples: list[Example] | None = None

    def loss(self, phase: str) -> float:
        """Mean negative log-likelihood per answer token."""
        if self._examples is None:
            self._examples = encoded(self._context, self._model, self._encoder, self._rows, "held-out")
        return mean_loss(
            self._model,
            self._examples,
            self._dtype,
            self._context.group,
            lambda step, steps: self._context.told(phase, step, steps),
        )

    def metrics(self, metrics: Sequence[Metric], phase: str) -> dict[str, float]:
        """By name. A loss is computed once for all that need it."""
        found: dict[str, float] = {}
        loss: float | None = None
        for metric in metrics:
            if metric.type in ("Loss", "Perplexity"):
                loss = self.loss(phase) if loss is None else loss
                found[metric.name] = loss if metric.type == "Loss" else math.exp(min(loss, 700.0))
            else:
                self._needs_answers(metric)
                found[metric.name] = self._share(metric, phase)
        return found

    def _share(self, metric: Metric, phase: str) -> float:
        """The share of rows that are right."""
        group = self._context.group
        told = lambda step, steps: self._context.told(phase, step, steps)  # noqa: E731
        mine = slice(group.rank, None, group.world)
        if metric.type == "Choices":
            questions = self._encoder.questions(self._rows[mine], options(self._rows)[mine])
            results = right(self._model, questions, self._dtype, told)
        else:
            settings = metric.exact_match or ExactMatch(pattern="(?s).*")
            answers = wanted(compiled(settings.pattern), self._rows)[mine]
            prompts = self._encoder.prompts(self._rows[mine])
            results = matches(self._model, prompts, answers, settings, self._dtype, told)
        (count,) = group.totals(float(sum(results)), device=self._model.device)
        return count / len(self._rows)

    def _needs_answers(self, metric: Metric) -> None:
        if self._context.task.data.format == "Text":
            raise Refused(
                f"the metric {metric.name} of type {metric.type} needs answers, and data.format Text has none; use "
                "Loss or Perplexity, or write the data as PromptCompletion"
            )
