"""Reads `telemetry/`, written by trainers and the runner. It is outside the ledger's chain and may be missing,
truncated or of another version: unreadable values are skipped without an error."""

import json
from math import isfinite
from typing import Any, cast

from fedtrain.contracts import names
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import ObjectMissing
from fedtrain.results.run_summary import Execution, TaskTime


def execution_folder(round: int, who: str, attempt: int) -> str:
    return f"rounds/{round:04d}/{who}-{attempt}"


def read_text(ledger: Ledger, path: str) -> str | None:
    """Return `telemetry/<path>` as text; None if it does not exist. Raises StoreError."""
    try:
        return ledger.content(names.telemetry(path)).decode(errors="replace")
    except ObjectMissing:
        return None


def read_json(ledger: Ledger, path: str) -> dict[str, Any]:
    """Return `telemetry/<path>` as a JSON object; empty if it does not exist or is not an object. Raises StoreError."""
    text = read_text(ledger, path)
    try:
        plain = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return {}
    return cast(dict[str, Any], plain) if isinstance(plain, dict) else {}


def read_execution(ledger: Ledger, round: int, who: str, attempt: int) -> Execution | None:
    """Return the trainer's telemetry of one execution."""
    plain = read_json(ledger, f"{execution_folder(round, who, attempt)}/trainer.json")
    if not plain:
        return None
    host = plain.get("host")
    return Execution(
        seconds=_numbers(plain.get("seconds")),
        answer_tokens_per_second=number(plain.get("answerTokensPerSecond")),
        peak_memory=_whole(plain.get("peakMemory")),
        peak_gpu_memory=_whole(plain.get("peakGpuMemory")),
        host=host if isinstance(host, str) else None,
        code=_whole(plain.get("code")),
        reason=str(plain.get("reason") or ""),
        curve=numbers_in(plain.get("curve")),
        ended_at=number(plain.get("endedAt")),
    )


def read_runner(ledger: Ledger, round: int) -> tuple[float | None, tuple[TaskTime, ...]]:
    """Return a round's wall time in seconds, and its tasks."""
    plain = read_json(ledger, names.runner_file(round))
    tasks = plain.get("tasks")
    entries = cast(list[Any], tasks) if isinstance(tasks, list) else []
    found = (_task(cast(dict[str, Any], entry)) for entry in entries if isinstance(entry, dict))
    return number(plain.get("wallSeconds")), tuple(task for task in found if task is not None)


def number(plain: object) -> float | None:
    """Return a finite number; None for anything else."""
    if isinstance(plain, bool) or not isinstance(plain, int | float):
        return None
    try:
        found = float(plain)
    except OverflowError:
        return None
    return found if isfinite(found) else None


def _whole(plain: object) -> int | None:
    value = number(plain)
    return None if value is None else int(value)


def _numbers(plain: object) -> dict[str, float]:
    if not isinstance(plain, dict):
        return {}
    entries = cast(dict[str, object], plain).items()
    return {key: value for key, entry in entries if key != "total" and (value := number(entry)) is not None}


def numbers_in(plain: object) -> tuple[float, ...]:
    """Return the finite numbers of a list."""
    found = (number(entry) for entry in cast(list[object], plain)) if isinstance(plain, list) else ()
    return tuple(value for value in found if value is not None)


def _task(plain: dict[str, Any]) -> TaskTime | None:
    seconds = number(plain.get("seconds"))
    if seconds is None or not isinstance(plain.get("who"), str):
        return None
    return TaskTime(
        who=plain["who"],
        kind=str(plain.get("kind", "")),
        attempt=_whole(plain.get("attempt")) or 1,
        worker=_whole(plain.get("worker")) or 0,
        seconds=seconds,
        phases=_numbers(plain.get("phases")),
        state=str(plain.get("state", "Done")),
        reason=str(plain.get("reason") or ""),
        starting=number(plain.get("starting")) or 0.0,
        ended_at=number(plain.get("endedAt")),
    )
