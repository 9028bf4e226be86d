"""One participant's part of a round."""

import logging
import math
import secrets
import uuid
from pathlib import Path

from blake3 import blake3

from fedtrain.contracts.digests import digest_file
from fedtrain.contracts.noise_share_check import share_flaw
from fedtrain.contracts.record_fields import Digest, Metrics
from fedtrain.contracts.tasks import Task, Train, needs_noise_key
from fedtrain.contracts.untrusted_records import Update
from fedtrain.privacy.gaussian_noise import SEED_BYTES
from fedtrain_trainer.adapter_files import write_weights
from fedtrain_trainer.context import Context
from fedtrain_trainer.data import formats, is_private, participant_of, participant_rows, unchanged
from fedtrain_trainer.encoding import encoded
from fedtrain_trainer.examples import Encoder
from fedtrain_trainer.gradients.round import Round
from fedtrain_trainer.loading import received as received_adapter
from fedtrain_trainer.measuring import HeldOutRows
from fedtrain_trainer.memory import fit
from fedtrain_trainer.outcome import Refused, Retry
from fedtrain_trainer.precision import chosen
from fedtrain_trainer.private_update import private_update, stated
from fedtrain_trainer.training import Trained, train
from fedtrain_trainer.works.sending import send

log = logging.getLogger("fedtrain.trainer")


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
    model, start = received_adapter(context, work.adapter, work.config)
    model.load(start, train_only_b=work.train_only_b)
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
                validate=(lambda: _validated(context, held_out)) if best and held_out is not None else None,
                noise_seed=noise_seed(context, work),
            ),
            group,
            context.report,
        )
    loss = trained.validation_loss
    if loss is None and held_out is not None:
        with context.timed("evaluating"):
            loss = held_out.loss_if_possible("evaluating")
    _note(context, trained)
    return _sent(context, work, trained, loss, metrics) if group.is_main else None


def _validated(context: Context, held_out: HeldOutRows) -> float:
    with context.timed("validating"):
        return held_out.loss("validating")


def _note(context: Context, trained: Trained) -> None:
    """Report what is not part of the record."""
    context.notes.update(steps=trained.steps)
    if not is_private(context.task):
        context.notes.update(curve=trained.curve, tokens=trained.tokens, rows=trained.rows)
    if trained.skipped:
        context.notes["skippedSteps"] = trained.skipped
        log.warning("%d of %d steps overflowed in FP16 and were skipped", trained.skipped, trained.steps)


def _sent(context: Context, work: Train, trained: Trained, loss: float | None, received: Metrics) -> Update:
    """Send the update and return its record. `loss`: of the trained adapter, `received`: metrics of the one that came,
    on the validation split."""
    task = context.task
    update, within_bound = private_update(task, work, trained.update, context.binding.noise_key)
    context.report("uploading", 0, 1)
    with context.timed("uploading"):
        path = write_weights(update, context.folder / "update")
        digest = digest_file(path)
        claim = _noise_claim(task, digest)
        if claim is not None and not context.ledger.claim_noise(claim):
            raise Retry(
                "another execution of this attempt has drawn the noise of its update. The budget does not count a "
                "second draw, so nothing was sent"
            )
        record = Update(
            run_id=task.run_id,
            round=task.round,
            participant=participant_of(task),
            attempt=task.attempt,
            file=path.name,
            digest=digest,
            size=path.stat().st_size,
            samples=work.samples,
            distinct=work.distinct,
            steps=trained.steps,
            tokens=trained.tokens,
            train_loss=trained.loss,
            validation_loss=loss,
            received=received,
            within_bound=within_bound,
            norm=stated(update) if work.states_norm else None,
        )
        record = send(context, _spooled(context, path, record), record)
    context.report("uploading", 1, 1)
    return record


def _noise_claim(task: Task, digest: Digest) -> str | None:
    """Return what this execution claims before its noise leaves; None if it draws none. With unit Example, each
    execution draws other noise. A share is the same for the same update, so an execution that has another digest of the
    noisy update would be another release."""
    if is_private(task):
        return uuid.uuid4().hex
    return digest.removeprefix("blake3:")[:32] if needs_noise_key(task) else None


def _spooled(context: Context, path: Path, record: Update) -> Path:
    """Store the update in the spool, if there is one. Return the file to upload: the given one if the spool is full,
    for example, because the store may take it now."""
    if context.spool is None:
        return path
    try:
        return context.spool.keep(path, record)
    except OSError as error:
        log.warning("%s: the spool does not take the trained update: %s", context.spool.folder, error.strerror)
        context.spool.clear()
        context.spool = None
        return path


def noise_seed(context: Context, work: Train) -> bytes | None:
    """Return the secret seed of this execution, the same in all processes; None if no noise is drawn here."""
    if work.example_noise is None:
        return None
    if work.testing_seed is None:
        return context.group.from_main(lambda: secrets.token_bytes(SEED_BYTES))
    task = context.task
    message = f"fedtrain/testing-seed/1/{work.testing_seed}/{task.round}/{participant_of(task)}/{task.attempt}"
    return blake3(message.encode()).digest(SEED_BYTES)
