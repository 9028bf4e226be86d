"""The base model of a task, and the adapter that the task starts from."""

from pathlib import Path

import torch

from fedtrain.contracts.record_fields import Digest
from fedtrain_trainer.adapter_files import CONFIG, WEIGHTS, config_of, read_config, read_weights, same_adapter
from fedtrain_trainer.base import base_folder
from fedtrain_trainer.context import Context
from fedtrain_trainer.lora import AdaptedModel, Models
from fedtrain_trainer.precision import chosen, device_here
from fedtrain_trainer.recorded_base import check_base


def received(context: Context, adapter: Digest, config: Digest) -> tuple[AdaptedModel, dict[str, torch.Tensor]]:
    """Return the base model with the task's adapter, and the weights of these blobs on the CPU. Raises Refused if the
    config is of another adapter than `model.adapter`, which the owner of the data has approved."""
    with context.timed("fetching"):
        content, settings = context.group.from_main(lambda: _fetch(context, adapter, config))
        if not context.group.is_main:
            (context.folder / WEIGHTS).write_bytes(content)
            (context.folder / CONFIG).write_bytes(settings)
        tensors = read_weights(context.folder / WEIGHTS)
    with context.timed("loading"):
        model = _model(context, config_of(context.task.model))
        same_adapter(read_config(context.folder / CONFIG), model.config)
    return model, tensors


def base_settings(context: Context) -> Path:
    """Return the folder of the base model's settings and tokenizer. Its weights may be missing."""
    return base_folder(context.task.model, context.binding, weights=False)


def _model(context: Context, config: object) -> AdaptedModel:
    task, device = context.task, device_here()
    dtype = chosen(task.training.precision, device)
    folder = base_folder(task.model, context.binding)
    check_base(task, context.binding, folder)
    models = context.models or Models()
    return models.get(folder, config, dtype, device)


def _fetch(context: Context, adapter: Digest, config: Digest) -> tuple[bytes, bytes]:
    """Fetch both into the folder, and return their bytes where other processes wait for them."""
    context.ledger.fetch(adapter, context.folder / WEIGHTS)
    context.ledger.fetch(config, context.folder / CONFIG)
    if context.group.world == 1:
        return b"", b""
    return (context.folder / WEIGHTS).read_bytes(), (context.folder / CONFIG).read_bytes()
