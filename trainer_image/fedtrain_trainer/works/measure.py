"""An adapter on the validation rows of one participant."""

from fedtrain.contracts.tasks import Measure
from fedtrain.contracts.untrusted_records import Measurement
from fedtrain_trainer.context import Context
from fedtrain_trainer.data import formats, participant_of, participant_rows, unchanged
from fedtrain_trainer.examples import Encoder
from fedtrain_trainer.loading import received
from fedtrain_trainer.measuring import HeldOutRows


def measure(context: Context, work: Measure) -> Measurement | None:
    task = context.task
    with context.timed("data"):
        split = unchanged(participant_rows(context), work.fingerprint)
    model, weights = received(context, work.adapter, work.config)
    model.load(weights)
    encoder = Encoder(model.tokenizer, formats(task), task.data.max_length)
    with context.timed("measuring"):
        held_out = HeldOutRows(context, model, encoder, split.validation)
        metrics = held_out.possible_metrics(work.metrics, "measuring") if split.validation else {}
    if not context.group.is_main:
        return None
    return context.ledger.put_record(
        Measurement(
            run_id=task.run_id,
            round=task.round,
            participant=participant_of(task),
            adapter=work.adapter,
            metrics=metrics,
        )
    )
