"""The ledger half of a snapshot.

Objects of the ledger never change, so what was read once is kept, and a gather costs one listing of the current round
plus the objects that are new or still missing.
"""

import re
from collections.abc import Iterable, Iterator
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

_UPDATE = re.compile(r"rounds/[0-9]+/updates/([^/]+)/([0-9]+)/record\.json")
_FILE = re.compile(r"[0-9A-Za-z][-0-9A-Za-z._]{0,199}")


@dataclass
class LedgerGatherer:
    """Reads one run's ledger. `run` is the claim that this coordinator works under. `hint`: the round that is probably
    worked on, where someone remembers; if its predecessor is over, the rounds before need not be looked at."""

    ledger: Ledger
    run: Run
    hint: int = 0
    _manifest: Manifest | None = None
    _planned: int | None = None
    """The newest round whose plan was there."""
    _sound: set[str] = field(default_factory=set[str])
    """Update files that were found whole."""

    def gather(self) -> LedgerFacts:
        """Raises StoreError, also when the plan of the current round was there and is gone. The round is listed
        first: whatever its records depend on (a plan on preflights, a close on updates) was written before them, so it
        is found by the reads that follow."""
        if self._manifest is None and self.hint > 0:
            self._pass(self.hint - 1)
        round = self._manifest.round + 1 if self._manifest else 0
        listed = self.ledger.names(names.round_folder(round) + "/")
        while names.manifest(round) in listed:
            self._pass(round)
            round += 1
            listed = self.ledger.names(names.round_folder(round) + "/")
        if self._planned == round and names.plan(round) not in listed:
            raise LedgerCorrupt(
                f"{self.ledger.url}/{names.plan(round)} was there and is gone. Restore the ledger, or begin anew under "
                "another metadata.name."
            )
        current = self._round(round, listed)
        between = current.plan is None  # then the next round is planned, or the run has got beyond its last one
        if not between:
            self._planned = round
        return LedgerFacts(
            run=self.run,
            preflights=self._preflights(current.plan),
            initial=self.ledger.read(names.initial(), Initial) if between else None,
            manifest=self._manifest,
            last_plan=self._newest_plan() if between else None,
            current=current,
            measurements=self._measurements() if between else {},
            failures=tuple(self._failures()),
            end=self.ledger.read(names.END, End) if between else None,
        )

    def _pass(self, round: int) -> None:
        """Takes note of a round that is over, if it is."""
        self._manifest = self.ledger.read(names.manifest(round), Manifest) or self._manifest

    def _newest_plan(self) -> Plan | None:
        """Of the round that is over. Only round 0 has none."""
        return self.ledger.read(names.plan(self._manifest.round), Plan) if self._manifest else None

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

    def _read(self, listed: Iterable[str], prefix: str, kind: type[R]) -> list[R]:
        found = (self.ledger.read(name, kind) for name in listed if name.startswith(prefix))
        return [record for record in found if record is not None]

    def _preflights(self, plan: Plan | None) -> dict[str, Preflight]:
        """A plan has those that it rests on, and names everyone who may have answered since."""
        known = {found.participant: found for found in plan.preflights} if plan else {}
        others = (names.preflight(who) for who in plan.positions if who not in known) if plan else None
        listed = self.ledger.names("preflight/") if others is None else others
        return known | {found.participant: found for found in self._read(listed, "", Preflight)}

    def _failures(self) -> Iterator[Failure]:
        """They are numbered from 1, without a gap."""
        number = 1
        while (failure := self.ledger.read(names.failure(number), Failure)) is not None:
            yield failure
            number += 1

    def _measurements(self) -> dict[str, Measurement]:
        if self._manifest is None or self._manifest.round == 0:
            return {}
        listed = self.ledger.names(f"{names.round_folder(self._manifest.round)}/measurements/")
        return {found.participant: found for found in self._read(listed, "", Measurement)}
