"""`run_task`: one work order in, one record and an outcome out."""

import json
import logging
import os
import platform
import resource
import shutil
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from fedtrain.contracts.exit_codes import EXIT_DONE, EXIT_LEDGER, EXIT_REFUSED, EXIT_RETRY, EXIT_SPOOLED
from fedtrain.contracts.record import Record
from fedtrain.contracts.records import Evaluation, Initial
from fedtrain.contracts.tasks import Assignment, Evaluate, Initialise, Inspect, Measure, Task, Train
from fedtrain.contracts.transfer import UPLOAD_VARIABLE
from fedtrain.contracts.untrusted_records import Measurement, Preflight, Update
from fedtrain.ledger.task_store import TaskStore
from fedtrain_trainer.context import Context
from fedtrain_trainer.data import is_private
from fedtrain_trainer.failures import is_expected, judged
from fedtrain_trainer.group import Group
from fedtrain_trainer.import_torch import import_torch
from fedtrain_trainer.outcome import Interrupted, Outcome, Progress, Retry, silent
from fedtrain_trainer.sent_objects import SentObjects
from fedtrain_trainer.works.inspect import inspect
from fedtrain_trainer.works.sending import send

if TYPE_CHECKING:
    from fedtrain_trainer.lora import Models

log = logging.getLogger("fedtrain.trainer")

_RECORDS: dict[type, type[Record]] = {
    Initialise: Initial,
    Inspect: Preflight,
    Train: Update,
    Measure: Measurement,
    Evaluate: Evaluation,
}


def run_task(
    assignment: Assignment,
    progress: Progress = silent,
    store: TaskStore | None = None,
    group: Group | None = None,
    models: "Models | None" = None,
) -> Outcome:
    """Runs one task. `store` is needed in the main process of `group` alone. `models` holds the base model between
    tasks. Never raises but for bugs in itself: what goes wrong is in the outcome."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="fedtrain-"))
    except OSError as error:
        return Outcome(*judged(error))
    noted = None if store is None else SentObjects(store)
    context = Context(assignment, noted, group or Group(), models, progress, folder)
    log.info("%s: begins", _name(assignment.task))
    start = time.perf_counter()
    code, reason = _attempt(context)
    context.seconds["total"] = time.perf_counter() - start
    shutil.rmtree(folder, ignore_errors=True)
    level = logging.INFO if code == EXIT_DONE else logging.ERROR
    digits = 0 if is_private(assignment.task) else 1
    total = f"{context.seconds['total']:.{digits}f} s"
    log.log(level, "%s: %s in %s %s", _name(assignment.task), _WORDS[code], total, reason)
    if noted is not None and context.group.is_main:
        noted.put_telemetry("trainer.json", _telemetry(context, code, reason))
    return Outcome(code, reason, context.seconds, tuple(noted.sent) if noted else ())


_WORDS = {
    EXIT_DONE: "done",
    EXIT_RETRY: "failed, may be retried,",
    EXIT_SPOOLED: "trained, to be uploaded later,",
    EXIT_LEDGER: "stopped by the ledger",
    EXIT_REFUSED: "refused",
}


def _attempt(context: Context) -> tuple[int, str]:
    try:
        _run(context)
        return EXIT_DONE, ""
    except (Exception, Interrupted) as error:
        if not is_expected(error):
            log.exception("%s: unexpected", _name(context.task))
        return judged(error)


def _run(context: Context) -> None:
    task, work, group = context.task, context.task.work, context.group
    if group.from_main(lambda: context.ledger.existing(_RECORDS[type(work)]) is not None):
        log.info("%s: an earlier execution has done it", _name(task))
        return
    if isinstance(work, Train) and group.from_main(lambda: _upload_spooled(context)):
        return
    if not isinstance(work, Inspect):
        import_torch()
        from fedtrain_trainer.works.with_model import run_with_model

        run_with_model(context, work)
    elif group.is_main:
        inspect(context)


def _upload_spooled(context: Context) -> bool:
    """Upload the update that an earlier pod of this task has trained; whether there is one."""
    kept = context.spool.kept(context.task.run_id) if context.spool else None
    if kept is None:
        if os.environ.get(UPLOAD_VARIABLE):
            raise Retry("the trained update is no longer in the spool; check the volume claim of the policy's spool")
        return False
    log.info("%s: an earlier execution has trained it", _name(context.task))
    with context.timed("uploading"):
        send(context, *kept)
    return True


def _name(task: Task) -> str:
    who = f" {task.participant}" if task.participant else ""
    return f"{task.namespace}/{task.name} round {task.round}{who} {task.work.type} attempt {task.attempt}"


def _telemetry(context: Context, code: int, reason: str) -> bytes:
    """With a private task, memory and exact times would depend on the sampled rows."""
    private = is_private(context.task)
    training, tokens = context.seconds.get("training"), context.notes.get("tokens")
    rate = tokens / training if training and isinstance(tokens, int) else None
    report = {
        "task": _name(context.task),
        "code": code,
        "reason": reason,
        "seconds": {phase: round(seconds, 0 if private else 4) for phase, seconds in context.seconds.items()},
        "endedAt": time.time(),
        "host": platform.node(),
        "processes": context.group.world,
        "versions": {name: version(name) for name in ("fedtrain", "torch", "transformers", "peft")},
        "answerTokensPerSecond": rate,
        "peakMemory": None if private else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        **(_use_of_torch(private) if sys.modules.get("torch") else {}),
        **context.notes,
    }
    return json.dumps(report, default=str).encode()


def _use_of_torch(private: bool) -> dict[str, object]:
    import torch

    peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() and not private else None
    return {"threads": torch.get_num_threads(), "peakGpuMemory": peak}
