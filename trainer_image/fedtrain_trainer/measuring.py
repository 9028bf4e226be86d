"""Measures an adapter on a set of rows."""

import logging
import math
from collections.abc import Callable, Sequence
from functools import partial

from fedtrain.api.evaluation import ExactMatch, Metric
from fedtrain.data.errors import DataError
from fedtrain.data.row import Row
from fedtrain_trainer.choices import options, right
from fedtrain_trainer.context import Context
from fedtrain_trainer.data import formats
from fedtrain_trainer.encoding import encoded
from fedtrain_trainer.exact_match import compiled, matches, wanted
from fedtrain_trainer.examples import Encoder, Example
from fedtrain_trainer.generation import OutOfMemory
from fedtrain_trainer.known_tokens import check_tokens
from fedtrain_trainer.lora import AdaptedModel
from fedtrain_trainer.loss import mean_loss
from fedtrain_trainer.outcome import Refused
from fedtrain_trainer.precision import chosen

log = logging.getLogger("fedtrain.trainer")

OMITTED = "omittedMetrics"
"""Key of the telemetry that names the metrics that could not be measured, with the reason."""

_SHORTER = "lower `exactMatch.maxNewTokens` or `data.maxLength`"


class HeldOutRows:
    """Measures `model`, as it is, on `rows`; the processes of a group share the rows. What can fail because of the rows
    is prepared on all rows in each process, so that all processes fail alike."""

    def __init__(self, context: Context, model: AdaptedModel, encoder: Encoder, rows: Sequence[Row]) -> None:
        self._context = context
        self._model = model
        self._encoder = encoder
        self._rows = rows
        self._dtype = chosen(context.task.training.precision, model.device)
        self._examples: list[Example] | None = None

    def loss(self, phase: str) -> float:
        """Return the mean negative log-likelihood per answer token. Raises Refused if no row has an answer token."""
        return mean_loss(
            self._model,
            self._encoded(),
            self._dtype,
            self._context.group,
            partial(self._context.report, phase),
        )

    def has_answers(self) -> bool:
        """Whether at least one row has an answer token left after truncation."""
        return self._possible("validation loss", lambda: float(len(self._encoded()))) is not None

    def loss_if_possible(self, phase: str) -> float | None:
        """Return the loss; None, with a note, if no held-out row has an answer token. A participant's own validation
        must not keep it out of a round."""
        return self._possible("validation loss", lambda: self.loss(phase))

    def metrics(self, metrics: Sequence[Metric], phase: str) -> dict[str, float]:
        """Return the values by name. Raises Refused for a metric that the rows do not allow."""
        return {metric.name: self._value(metric, phase) for metric in metrics}

    def possible_metrics(self, metrics: Sequence[Metric], phase: str) -> dict[str, float]:
        """Return the values by name, without the metrics that the rows or the memory do not allow; notes say which and
        why."""
        found = {
            metric.name: self._possible(metric.name, lambda metric=metric: self._value(metric, phase))
            for metric in metrics
        }
        return {name: value for name, value in found.items() if value is not None}

    def _encoded(self) -> list[Example]:
        if self._examples is None:
            rows = encoded(self._context, self._model, self._encoder, self._rows, "held-out")
            self._examples = [example for row in rows for example in row]
        return self._examples

    def _possible(self, name: str, measure: Callable[[], float]) -> float | None:
        try:
            return measure()
        except (Refused, DataError, OutOfMemory) as error:
            log.warning("%s is not measured: %s", name, error)
            omitted = self._context.notes.setdefault(OMITTED, {})
            assert isinstance(omitted, dict)
            omitted[name] = str(error)
            return None

    def _value(self, metric: Metric, phase: str) -> float:
        phase = f"{phase} {metric.name}"  # each metric counts its steps
        match metric.type:
            case "Loss":
                return self.loss(phase)
            case "Perplexity":
                return math.exp(min(self.loss(phase), 700.0))
            case _:
                self._needs_answers(metric)
                return self._share(metric, phase)

    def _share(self, metric: Metric, phase: str) -> float:
        """Return the share of rows that are right. A process without memory raises OutOfMemory in all of them."""
        group = self._context.group
        report = partial(self._context.report, phase)
        mine = slice(group.rank, None, group.world)
        failed = 0.0
        if metric.type == "Choices":
            questions = self._encoder.questions(self._rows, options(self._rows))
            texts = (ids for one in questions for ids in (one.prompt, *one.answers))
            check_tokens(self._context, self._model, texts)
            results = right(self._model, questions[mine], self._dtype, report)
        else:
            settings = metric.exact_match or ExactMatch(pattern="(?s).*")
            answers = wanted(compiled(settings.pattern), self._rows)[mine]
            prompts = self._encoder.prompts(self._rows)
            longest = max(map(len, prompts), default=0) + settings.max_new_tokens
            check_tokens(self._context, self._model, prompts)
            self._model.check_length(longest, _SHORTER)
            try:
                results = matches(self._model, prompts[mine], answers, settings, self._dtype, report)
            except OutOfMemory:
                results, failed = [], 1.0
        count, without_memory = group.totals(float(sum(results)), failed, device=self._model.device)
        if without_memory:
            raise OutOfMemory(_SHORTER)
        return count / len(self._rows)

    def _needs_answers(self, metric: Metric) -> None:
        if "Text" in formats(self._context.task):
            raise Refused(
                f"the metric {metric.name} of type {metric.type} needs answers, and format Text has none; use "
                "`type: Loss` or `type: Perplexity`, or write the data as PromptCompletion"
            )
