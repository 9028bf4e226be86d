"""Third pass of verification: the updates. Every update that a close lists belongs to work that the coordinator issued,
and notes name the updates that nothing else stands behind."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from fedtrain.contracts import names
from fedtrain.contracts.issued_updates import IssuedWork
from fedtrain.contracts.records import Close, Exclusion, Grant, Manifest, Plan
from fedtrain.contracts.untrusted_records import Update
from fedtrain.ledger.finding import Finding
from fedtrain.ledger.verify_records import Records


@dataclass(frozen=True)
class Updates:
    """`notes`: observations that do not make a ledger unsound. Telemetry may be lost, and a stray changes nothing."""

    records: Records
    findings: list[Finding]
    notes: list[Finding]
    _work: dict[int, IssuedWork | None] = field(default_factory=dict[int, IssuedWork | None], init=False)

    def check(self, listed: Iterable[str]) -> None:
        prefix = names.telemetry("rounds/")
        telemetry = {name.rpartition("/")[0] for name in listed if name.startswith(prefix)}
        closed: set[str] = set()
        for close_name, close in self.records.all(Close):
            for update in close.updates:
                name = names.update(close.round, update.participant, update.attempt)
                if name not in closed:
                    closed.add(name)
                    self._closed(close_name, close.round, name)
                    self._telemetry(name, close.round, update.participant, update.attempt, telemetry)
        for name, exclusion in self.records.all(Exclusion):
            self._exclusion(name, exclusion)
        for name, update in self.records.all(Update):
            issued = self._issued_work(update.round)
            if name not in closed and issued and not issued.contains(update.participant, update.attempt):
                self.notes.append(Finding(name, "was ignored: no task was issued for it"))

    def _closed(self, close: str, round: int, name: str) -> None:
        """An update that a close lists."""
        issued, update = self._issued_work(round), self.records.get(name, Update)
        if issued is None or update is None:  # other passes report both
            return
        if not issued.contains(update.participant, update.attempt):
            self.findings.append(Finding(name, f"is listed by {close}, but no task was issued for it"))
        elif fault := issued.fault(update):
            self.findings.append(Finding(name, f"is listed by {close}, but {fault}"))

    def _exclusion(self, name: str, exclusion: Exclusion) -> None:
        manifest = self.records.get(names.manifest(exclusion.round), Manifest)
        if manifest is None or manifest.k is None:
            return
        close = self.records.get(names.close(exclusion.round, manifest.k), Close)
        if close is not None and any(update.participant == exclusion.participant for update in close.updates):
            self.notes.append(Finding(name, "had no effect: its round was recorded before"))

    def _telemetry(self, name: str, round: int, who: str, attempt: int, telemetry: set[str]) -> None:
        if names.telemetry(f"{names.round_folder(round)}/{who}-{attempt}") not in telemetry:
            self.notes.append(Finding(name, "has no telemetry: a trainer that ran its task would have left some"))

    def _issued_work(self, round: int) -> IssuedWork | None:
        """None if the round has no valid plan."""
        if round not in self._work:
            plan = self.records.get(names.plan(round), Plan)
            self._work[round] = IssuedWork(plan, self._grants.get(round, ())) if plan is not None else None
        return self._work[round]

    @cached_property
    def _grants(self) -> dict[int, list[Grant]]:
        """By round."""
        found = dict[int, list[Grant]]()
        for name, grant in self.records.all(Grant):
            if name == names.grant(grant.round, grant.who, grant.attempt):
                found.setdefault(grant.round, []).append(grant)
        return found
