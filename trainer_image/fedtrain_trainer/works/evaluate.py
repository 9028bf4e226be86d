"""An adapter on the hub's held-out rows."""

from fedtrain.contracts.records import Evaluation
from fedtrain.contracts.tasks import Evaluate
from fedtrain.data.row import digest_in_any_order
from fedtrain_trainer.choices import labels_of
from fedtrain_trainer.context import Context
from fedtrain_trainer.data import formats, hub_rows
from fedtrain_trainer.examples import Encoder
from fedtrain_trainer.loading import received
from fedtrain_trainer.measuring import HeldOutRows
from fedtrain_trainer.samples import generated


def evaluate(context: Context, work: Evaluate) -> Evaluation | None:
    task = context.task
    with context.timed("data"):
        rows = hub_rows(context)
    model, weights = received(context, work.adapter, work.config)
    model.load(weights)
    encoder = Encoder(model.tokenizer, formats(task), task.data.max_length)
    with context.timed("evaluating"):
        metrics = HeldOutRows(context, model, encoder, rows).metrics(work.metrics, "evaluating")
    if not context.group.is_main:
        return None
    answers = None
    if work.samples is not None:
        with context.timed("evaluating"):
            answers = generated(context, model, encoder, rows, work.samples, work.adapter)
    return context.ledger.put_record(
        Evaluation(
            run_id=task.run_id,
            round=task.round,
            k=work.k,
            adapter=work.adapter,
            samples=len(rows),
            rows=digest_in_any_order(rows),
            metrics=metrics,
            generated=answers,
            labels=labels_of(rows) if any(metric.type == "Choices" for metric in work.metrics) else None,
        )
    )
