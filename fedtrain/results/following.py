"""The log of a run while it trains: lines of running tasks as they are written, and each task when it has ended."""

from collections.abc import Iterator

from fedtrain.ledger.ledger import Ledger
from fedtrain.results.logs import Key, entries, owner_of, text, title, with_short_digests
from fedtrain.results.worker_logs import Execution, WorkerLogs, log_name, shortened


class Following:
    """`owner`: a participant or `hub`; None for all. `round`: None for all."""

    def __init__(self, ledger: Ledger, owner: str | None = None, round: int | None = None) -> None:
        self._ledger, self._owner, self._round = ledger, owner, round
        self._logs = WorkerLogs(ledger)
        self._shown: set[Key] = set()
        self._heading: Execution | None = None

    @property
    def has_shown(self) -> bool:
        """Whether a task has ended."""
        return bool(self._shown)

    def news(self) -> Iterator[str]:
        """Yield what is new since the previous call: tasks that have ended, with the lines that were not shown while
        they ran, and then lines of running tasks, under a heading. Raises StoreError."""
        lines = {execution: new for execution, new in self._logs.new_lines().items() if self._is_wanted(execution)}
        for entry in entries(self._ledger, self._owner, self._round):
            if entry.key in self._shown:
                continue
            self._shown.add(entry.key)
            self._heading = None
            own = lines.pop((entry.round, log_name(entry.who), entry.attempt), [])
            yield text(entry, own)
        for execution, new in lines.items():
            if execution != self._heading:
                self._heading = execution
                round, who, attempt = execution
                yield f"==> round {round}  {title(who)}  attempt {attempt}"
            yield from (with_short_digests(f"    {shortened(line)}") for line in new if line.strip())

    def _is_wanted(self, execution: Execution) -> bool:
        round, who, _ = execution
        return self._round in (None, round) and self._owner in (None, owner_of(who))
