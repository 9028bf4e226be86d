"""The five kinds of work. Each gives its record; a record that an earlier execution left is adopted instead."""

import logging
import math
import secrets
import uuid
from pathlib import Path

import torch
from blake3 import blake3

from fedtrain.api.base import smallest
from fedtrain.contracts.digests import digest_file
from fedtrain.contracts.noise_share_check import share_flaw
from fedtrain.contracts.records import DatasetCount, Evaluation, Initial, Measurement, Preflight, Update
from fedtrain.contracts.tasks import Evaluate, Initialise, Measure, Train
from fedtrain.data.base_files import chat_template_in
from fedtrain.data.chat.template import template_date
from fedtrain.data.row import digest_in_any_order
from fedtrain.ledger.store import LedgerRefused, StoreUnavailable
from fedtrain.privacy.gaussian_noise import SEED_BYTES
from fedtrain_trainer.adapter_files import CONFIG, WEIGHTS, config_of, write_config, write_weights
from fedtrain_trainer.choices import labels_of
from fedtrain_trainer.context import Context
from fedtrain_trainer.data import (
    Split,
    encoded,
    formats,
    hub_rows,
    is_private,
    participant_of,
    participant_rows,
    unchanged,
)
from fedtrain_trainer.examples import Encoder
from fedtrain_trainer.gradients.round import Round
from fedtrain_trainer.initial_from import earlier_weights
from fedtrain_trainer.lora import initial_weights, unloaded
from fedtrain_trainer.measuring import HeldOutRows
from fedtrain_trainer.memory import fit
from fedtrain_trainer.outcome import Refused, Retry, Spooled
from fedtrain_trainer.precision import chosen
from fedtrain_trainer.private_update import private_update, stated
from fedtrain_trainer.recorded_base import fingerprint_of_base
from fedtrain_trainer.samples import generated
from fedtrain_trainer.training import train

log = logging.getLogger("fedtrain.trainer")


def initialise(context: Context, work: Initialise) -> Initial:
    task = context.task
    with context.timed("loading"):
        base = context.base_settings()
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


def inspect(context: Context) -> Preflight:
    task = context.task
    with context.timed("data"):
        split = participant_rows(context)
    return context.ledger.put_record(
        Preflight(
            run_id=task.run_id,
            participant=participant_of(task),
            samples=split.training_rows,
            validation_samples=len(split.validation),
            fingerprint=split.fingerprint,
            gpu_memory=gpu_memory(context),
            datasets=_counts(split) if task.data.datasets is not None else None,
        )
    )


def _counts(split: Split) -> tuple[DatasetCount, ...]:
    return tuple(
        DatasetCount(name=one.name, samples=len(one.train), validation_samples=len(one.validation))
        for one in split.datasets
    )


def train_round(context: Context, work: Train) -> Update | None:
    """Measures the adapter that came, trains it, sends what changed. None in all but the main process."""
    task, group = context.task, context.group
    if (flaw := share_flaw(task)) is not None:
        raise Refused(f"{flaw}. Update fedtrain at the hub")
    with context.timed("data"):
        split = unchanged(participant_rows(context), work.fingerprint, work)
        window = split.window(work, task.training.seed)
        if len(window) == 0:
            raise Refused(f"the slice of round {task.round} is empty; give the participant more samples a round")
    model, received = context.received(work.adapter, work.config)
    model.load(received, train_only_b=work.train_only_b)
    encoder = Encoder(model.tokenizer, formats(task), task.data.max_length)
    with context.timed("data"):
        rows = encoded(context, model, encoder, window, "training")
    measured = bool(split.validation) and not is_private(task)
    held_out = HeldOutRows(context, model, encoder, split.validation) if measured else None
    with context.timed("measuring"):
        metrics = held_out.possible_metrics(work.metrics, "measuring") if held_out is not None else {}
    best = task.training.keep == "Best" and held_out is not None and held_out.has_answers()
    dtype = chosen(task.training.precision, model.device)
    training = task.training
    if is_private(task):  # hooks would see recomputed activations twice
        training = training.model_copy(update={"gradient_checkpointing": "Disabled"})
    share = math.ceil(task.training.batch_size / group.world)
    with context.timed("training"):
        trained = train(
            model,
            rows,
            Round(
                work=work,
                training=training,
                dtype=dtype,
                fit=fit(model, training, task.data.max_length, share, dtype, context.binding.gpu_memory),
                validate=(lambda: held_out.loss("training")) if best and held_out is not None else None,
                noise_seed=noise_seed(context, work),
            ),
            group,
            context.report,
        )
    loss = trained.validation_loss
    if loss is None and held_out is not None:
        with context.timed("evaluating"):
            loss = held_out.loss_if_possible("evaluating")
    context.notes.update(steps=trained.steps)
    if not is_private(task):
        context.notes.update(curve=trained.curve, tokens=trained.tokens, rows=trained.rows)
    if trained.skipped:
        context.notes["skippedSteps"] = trained.skipped
        log.warning("%d of %d steps overflowed in FP16 and were skipped", trained.skipped, trained.steps)
    if not group.is_main:
        return None
    update, within_bound = private_update(task, work, trained.update, context.binding.noise_key)
    context.report("uploading", 0, 1)
    with context.timed("uploading"):
        if is_private(task) and not context.ledger.claim_noise(uuid.uuid4().hex):
            raise Retry(
                "another execution of this attempt has drawn the noise of its update. The budget does not count a "
                "second draw, so nothing was sent"
            )
        path = write_weights(update, context.folder / "update")
        record = Update(
            run_id=task.run_id,
            round=task.round,
            participant=participant_of(task),
            attempt=task.attempt,
            file=path.name,
            digest=digest_file(path),
            size=path.stat().st_size,
            samples=work.samples,
            distinct=work.distinct,
            steps=trained.steps,
            tokens=trained.tokens,
            train_loss=trained.loss,
            validation_loss=loss,
            received=metrics,
            within_bound=within_bound,
            norm=stated(update) if work.states_norm else None,
        )
        record = send(context, context.spool.keep(path, record) if context.spool else path, record)
    context.report("uploading", 1, 1)
    return record


def send(context: Context, path: Path, record: Update) -> Update:
    """Upload an update, then its record, which names the file in the ledger. Raises StoreError, and Spooled if a later
    pod can do it."""
    try:
        file, digest, size = context.ledger.put_update(path)
        norm = record.norm if digest == record.digest else None  # the file of an earlier execution has another norm
        named = record.model_copy(update={"file": file, "digest": digest, "size": size, "norm": norm})
        sent = context.ledger.put_record(named)
    except (StoreUnavailable, LedgerRefused) as error:
        if context.spool is None:
            raise
        log.warning("%s", error)
        raise Spooled(error.public) from error
    if context.spool is not None:
        context.spool.clear()
    return sent


def noise_seed(context: Context, work: Train) -> bytes | None:
    """Return the secret seed of this execution, the same in all processes; None if no noise is drawn here."""
    if work.example_noise is None:
        return None
    if work.testing_seed is None:
        return context.group.from_main(lambda: secrets.token_bytes(SEED_BYTES))
    task = context.task
    message = f"fedtrain/testing-seed/1/{work.testing_seed}/{task.round}/{participant_of(task)}/{task.attempt}"
    return blake3(message.encode()).digest(SEED_BYTES)


def measure(context: Context, work: Measure) -> Measurement | None:
    task = context.task
    with context.timed("data"):
        split = unchanged(participant_rows(context), work.fingerprint)
    model, received = context.received(work.adapter, work.config)
    model.load(received)
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


def evaluate(context: Context, work: Evaluate) -> Evaluation | None:
    task = context.task
    with context.timed("data"):
        rows = hub_rows(context)
    model, received = context.received(work.adapter, work.config)
    model.load(received)
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


def gpu_memory(context: Context) -> int | None:
    """Return the free bytes of one GPU, at most what policy and training allow; without a GPU, the latter."""
    allowed = context.binding.gpu_memory
    if not torch.cuda.is_available():
        return allowed
    free, _ = torch.cuda.mem_get_info()
    return smallest(free, allowed)
