"""The phase of a run as commands show it: the ledger's, or Interrupted if no process continues the run.

A run of `fedtrain run` that was killed or stopped with Ctrl-C has the records of a run that trains. Whether a process
works on it is in the records of its coordinators (`fedtrain.runner.presence`). A run of a cluster has none: its
operator always continues it.
"""

from typing import Literal

from fedtrain.contracts import names
from fedtrain.ledger.ledger import Ledger
from fedtrain.results.locate import run_folder
from fedtrain.rounds.decision import STOPPED, Phase
from fedtrain.runner import elapsed
from fedtrain.runner.presence import FOLDER, may_be_working

RunPhase = Literal[Phase, "Interrupted"]
NOT_RUNNING: frozenset[RunPhase] = frozenset({*STOPPED, "Interrupted"})
"""Phases in which nothing new appears in the ledger."""


def phase_of_run(ledger: Ledger, phase: Phase) -> RunPhase:
    """`phase`: what a coordinator would decide. Raises StoreError."""
    if phase in STOPPED or may_be_working(ledger) or not ran_on_one_machine(ledger):
        return phase
    return "Interrupted"


def interrupted_in(phase: Phase) -> str:
    """Return the message of an interrupted run."""
    return f"No process runs it. It stopped in phase {phase}: start the same `fedtrain run` command again to resume it."


def ran_on_one_machine(ledger: Ledger) -> bool:
    """Whether the run is in a folder, or its telemetry has files that only `fedtrain run` writes: from its start, after
    seconds, and after round 0. Asks for these alone: a run has many more. Raises StoreError."""
    return (
        run_folder(ledger) is not None
        or any(ledger.size(names.telemetry(file)) is not None for file in (elapsed.NAME, names.runner_file(0)))
        or bool(ledger.names(names.telemetry(f"{FOLDER}/")))
    )
