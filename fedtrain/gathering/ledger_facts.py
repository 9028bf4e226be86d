"""The ledger half of a snapshot.

Objects of the ledger never change, so what was read once is kept, and a gather costs one listing of the current round
plus the objects that are new.
"""

from dataclasses import dataclass, field
from typing import TypeVar

from fedtrain.contracts import names
from fedtrain.contracts.records import (
    Aggregate,
    Close,
    End,
    Evaluation,
    Failure,
    Grant,
    Initial,
    Manifest,
    Measurement,
    Plan,
    Preflight,
    Record,
    Run,
    Update,
)
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import LedgerCorrupt
from fedtrain.rounds.snapshot import LedgerFacts, RoundRecords

R = TypeVar("R", bound=Record)
P = TypeVar("P", Preflight, Measurement)


@dataclass
class LedgerGatherer:
    """Reads one run's ledger. `run` is the claim that this coordinator works under."""

    ledger: Ledger
    run: Run
    _manifest: Manifest | None = None
    _last_plan: Plan | None = None
    _sizes: dict[str, int | None] = field(default_factory=dict[str, "int | None"])

    def gather(self) -> LedgerFacts:
        """Raises StoreError."""
        round = self._manifest.round + 1 if self._manifest else 0
        listed = self.ledger.names(names.round_folder(round) + "/")
        while names.manifest(round) in listed:
            self._manifest = self.ledger.read(names.manifest(round), Manifest)
            self._last_plan = self.ledger.read(names.plan(round), Plan) or self._last_plan
            round += 1
            listed = self.ledger.names(names.round_folder(round) + "/")
        return LedgerFacts(
            run=self.run,
            preflights=self._by_participant("preflight/", Preflight),
            initial=self.ledger.read(names.initial(), Initial),
            manifest=self._manifest,
            last_plan=self._last_plan,
            current=self._round(round, listed),
            measurements=self._measurements(),
            failures=tuple(self._all("failures/", Failure)),
            end=self.ledger.read(names.END, End),
        )

    def _round(self, round: int, listed: list[str]) -> RoundRecords:
        folder = names.round_folder(round)
        updates: dict[tuple[str, int], Update] = {}
        faults: dict[tuple[str, int], str] = {}
        for name in listed:
            if name.startswith(f"{folder}/updates/") and name.endswith("/record.json"):
                who, attempt = name.split("/")[3:5]
                found = self._update(name, round, who, int(attempt))
                if isinstance(found, Update):
                    updates[who, int(attempt)] = found
                else:
                    faults[who, int(attempt)] = found
        return RoundRecords(
            round=round,
            plan=self.ledger.read(names.plan(round), Plan) if names.plan(round) in listed else None,
            grants=tuple(self._read(listed, f"{folder}/attempts/", Grant)),
            updates=updates,
            faults=faults,
            closes=tuple(sorted(self._read(listed, f"{folder}/close-", Close), key=lambda close: close.k)),
            aggregates={found.k: found for found in self._read(listed, f"{folder}/aggregate-", Aggregate)},
            evaluations={found.k: found for found in self._read(listed, f"{folder}/evaluation-", Evaluation)},
        )

    def _update(self, name: str, round: int, who: str, attempt: int) -> Update | str:
        """The update record, or why it is of no use."""
        try:
            record = self.ledger.read(name, Update)
        except LedgerCorrupt as error:
            return str(error)
        if record is None:
            return "its record is gone"
        if (record.run_id, record.round, record.participant, record.attempt) != (self.run.run_id, round, who, attempt):
            return "its record belongs to another run, round, participant or attempt"
        file = f"{names.update_folder(round, who, attempt)}/{record.file}"
        if file not in self._sizes:
            self._sizes[file] = self.ledger.size(file)
        size = self._sizes[file]
        if size is None:
            return f"its file {record.file} is missing"
        if size != record.size:
            return f"its file {record.file} has {size} bytes instead of {record.size}"
        return record

    def _read(self, listed: list[str], prefix: str, kind: type[R]) -> list[R]:
        found = (self.ledger.read(name, kind) for name in listed if name.startswith(prefix))
        return [record for record in found if record is not None]

    def _all(self, prefix: str, kind: type[R]) -> list[R]:
        found = (self.ledger.read(name, kind) for name in self.ledger.names(prefix))
        return [record for record in found if record is not None]

    def _by_participant(self, prefix: str, kind: type[P]) -> dict[str, P]:
        return {record.participant: record for record in self._all(prefix, kind)}

    def _measurements(self) -> dict[str, Measurement]:
        if self._manifest is None or self._manifest.round == 0:
            return {}
        return self._by_participant(f"{names.round_folder(self._manifest.round)}/measurements/", Measurement)
