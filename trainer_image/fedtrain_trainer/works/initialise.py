"""Round 0: the adapter that training starts from."""

from fedtrain.contracts.records import Initial
from fedtrain.contracts.tasks import Initialise
from fedtrain.data.base_files import chat_template_in
from fedtrain.data.chat.template import template_date
from fedtrain_trainer.adapter_files import CONFIG, WEIGHTS, config_of, write_config, write_weights
from fedtrain_trainer.context import Context
from fedtrain_trainer.initial_from import earlier_weights
from fedtrain_trainer.loading import base_settings
from fedtrain_trainer.lora import initial_weights, unloaded
from fedtrain_trainer.recorded_base import fingerprint_of_base


def initialise(context: Context, work: Initialise) -> Initial:
    task = context.task
    with context.timed("loading"):
        base = base_settings(context)
        model = unloaded(base, config_of(task.model))
        fingerprint = fingerprint_of_base(task.model, context.binding, base)
    if task.model.adapter.initial_from is None:
        weights = initial_weights(model, work.seed)
    else:
        weights = earlier_weights(context.assignment, model)
    with context.timed("uploading"):
        adapter = context.ledger.put_blob(write_weights(weights, context.folder / WEIGHTS))
        config = context.ledger.put_blob(write_config(model.config, context.folder / CONFIG))
    uses_template = any(source.format != "Text" for source in task.data.sources)
    return context.ledger.put_record(
        Initial(
            run_id=task.run_id,
            adapter=adapter,
            config=config,
            facts=model.facts(),
            template_date=template_date(chat_template_in(base)) if uses_template else None,
            base_fingerprint=fingerprint,
        )
    )
