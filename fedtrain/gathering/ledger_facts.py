"""The ledger half of a snapshot.

Objects of the ledger never change, so what was read once is kept, and a gather costs one listing of the current round
plus the objects that are new.
"""

import re
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

_UPDATE = re.compile(r"rounds/[0-9]+/updates/([^/]+)/([0-9]+)/record\.json")
_FILE = re.compile(r"[0-9A-Za-z][-0-9A-Za-z._]{0,199}")


@dataclass
class LedgerGatherer:
    """Reads one run's ledger. `run` is the claim that this coordinator works under."""

    ledger: Ledger
    run: Run
    _manifest: Manifest | None = None
    _last_plan: Plan | None = None
    _sound: set[str] = field(default_factory=set[str])
    """Update files that were found whole."""

    def gather(self) -> LedgerFacts:
        """Raises StoreError. The round is listed first: whatever its records depend on (a plan on preflights, a close
        on updates) was written before them, so it is found by the reads that follow."""
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
            if (parts := _UPDATE.fullmatch(name)) is None:
                continue
            who, attempt = parts[1], int(parts[2])
            found = self._update(name, round, who, attempt)
            if isinstance(found, Update):
                updates[who, attempt] = found
            else:
                faults[who, attempt] = found
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
        """The update record, or why it is of no use, in words that hold on every host."""
        try:
            record = self.ledger.read(name, Update)
        except LedgerCorrupt:
            return "its record.json is damaged"
        if record is None:
            return "its record is gone"
        if (record.run_id, record.round, record.participant, record.attempt) != (self.run.run_id, round, who, attempt):
            return "its record belongs to another run, round, participant or attempt"
        if _FILE.fullmatch(record.file) is None:
            return f"its record names the file {record.file[:100]!r}, which is no plain file name"
        file = f"{names.update_folder(round, who, attempt)}/{record.file}"
        if file in self._sound:
            return record
        size = self.ledger.size(file)
        if size is None:
            return f"its file {record.file} is missing"
        if size != record.size:
            return f"its file {record.file} has {size} bytes instead of {record.size}"
        self._sound.add(file)
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
