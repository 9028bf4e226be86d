"""The records of a run, by name or prefix, from one listing of its ledger."""

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import suppress
from typing import TypeVar

from fedtrain.contracts import names
from fedtrain.contracts.record import Record
from fedtrain.contracts.records import Plan
from fedtrain.contracts.untrusted_records import Update
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import LedgerCorrupt
from fedtrain.ledger.valid_records import read_valid
from fedtrain.results.run_summary import Execution
from fedtrain.results.telemetry import read_execution

R = TypeVar("R", bound=Record)


class ListedRecords:
    """Holds the one listing that everything is looked up in. `run_id`: empty until `run.json` is read."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.listed = sorted(ledger.names())
        self.present = set(self.listed)
        self.run_id = ""

    def executions(self, number: int, plan: Plan | None) -> dict[tuple[str, int], Execution]:
        """What trainers said of their executions, by participant and attempt."""
        members = {member.participant for member in plan.members} if plan else set[str]()
        found: dict[tuple[str, int], Execution] = {}
        for name in self.prefixed(names.telemetry(f"rounds/{number:04d}/")):
            who, _, attempt = name.split("/")[3].rpartition("-")
            if name.endswith("/trainer.json") and who in members and attempt.isdecimal():
                execution = read_execution(self.ledger, number, who, int(attempt))
                if execution is not None:
                    found[who, int(attempt)] = execution
        return found

    def has(self, prefix: str) -> bool:
        return next(self.prefixed(prefix), None) is not None

    def prefixed(self, prefix: str) -> Iterator[str]:
        """The listed names that start with `prefix`, without walking over all of them."""
        for index in range(bisect_left(self.listed, prefix), len(self.listed)):
            if not self.listed[index].startswith(prefix):
                return
            yield self.listed[index]

    def one(self, name: str, kind: type[R]) -> R | None:
        return self.ledger.read(name, kind) if name in self.present else None

    def all(self, prefix: str, kind: type[R]) -> list[R]:
        """Valid records of this run by prefix, in name order. Other objects are ignored, as the coordinator ignores
        them; `fedtrain ledger verify` reports them."""
        found = (read_valid(self.ledger, self.run_id, name, kind) for name in self.prefixed(prefix))
        return [record for record in found if isinstance(record, kind)]

    def updates(self, number: int) -> list[Update]:
        """A round's update records; those that don't parse don't count, and are left out."""
        found: list[Update] = []
        for name in self.prefixed(f"{names.round_folder(number)}/updates/"):
            if name.endswith("/record.json"):
                with suppress(LedgerCorrupt):
                    update = self.ledger.read(name, Update)
                    found += [update] if update is not None else []
        return found
