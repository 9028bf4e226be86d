"""`python -m fedtrain_trainer --assignment FILE`: one task; the exit code is its outcome."""

import argparse
import fcntl
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from fedtrain.contracts.exit_codes import EXIT_DONE, EXIT_REFUSED
from fedtrain.contracts.tasks import Assignment
from fedtrain.contracts.wire.task import TaskRefused, read_assignment
from fedtrain.ledger.open_task_store import open_task_store
from fedtrain.ledger.store import StoreError
from fedtrain_trainer import log_tail
from fedtrain_trainer.outcome import Interrupted, Outcome, Retry
from fedtrain_trainer.outcome_file import outcome_json


def interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted(signal.Signals(number).name)


def log_to_stderr() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s", stream=sys.stderr)
    logging.getLogger("fedtrain").setLevel(logging.INFO)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m fedtrain_trainer", description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--assignment", help="JSON file of the task and its binding; - for stdin")
    source.add_argument("--assignment-env", metavar="NAME", help="environment variable with that JSON")
    parser.add_argument(
        "--outcome", type=Path, help="file to write the outcome to as JSON; torchrun exits with 1 whatever happened"
    )
    options = parser.parse_args(arguments)
    log_to_stderr()
    tail = log_tail.install()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, interrupt)
    where, content = _assignment(options)
    try:
        assignment = read_assignment(json.loads(content))
    except (ValueError, AttributeError, TaskRefused) as error:
        outcome = Outcome(EXIT_REFUSED, f"{where}: not a valid assignment: {error}")
    else:
        outcome = _run(assignment)
    if outcome.code != EXIT_DONE:
        print(outcome.reason, file=sys.stderr)
    if options.outcome is not None:
        _write(options.outcome, outcome, tail.lines)
    return outcome.code


def _assignment(options: argparse.Namespace) -> tuple[str, str]:
    """Where the assignment is from, and its text."""
    if options.assignment_env is not None:
        return options.assignment_env, os.environ.get(options.assignment_env, "")
    if options.assignment == "-":
        return "standard input", sys.stdin.read()
    return options.assignment, Path(options.assignment).read_text()


def _run(assignment: Assignment) -> Outcome:
    from fedtrain_trainer.failures import judged
    from fedtrain_trainer.group import joined
    from fedtrain_trainer.progress_log import ProgressLog
    from fedtrain_trainer.run import run_task

    try:
        group = joined()
        store = None
        if group.is_main:
            store = open_task_store(assignment)
        outcome = run_task(assignment, ProgressLog(), store, group)
    except (Retry, StoreError) as error:
        return Outcome(*judged(error))
    if outcome.code == EXIT_DONE:
        group.leave()
    return outcome


def _write(target: Path, outcome: Outcome, log: Sequence[str]) -> None:
    """With several processes, the main one reports success, and the first that fails reports the reason. They may
    end at the same moment, and a container's termination log can't be replaced, only written to: hence the lock."""
    failed = outcome.code != EXIT_DONE
    if not failed and os.environ.get("RANK", "0") != "0":
        return
    with target.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if failed and os.fstat(file.fileno()).st_size > 0:
            return
        file.truncate(0)
        file.write(outcome_json(outcome, log))


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    sys.stdout.flush()
    os._exit(code)  # at once: interpreter shutdown would wait for threads of a group that has fallen apart
