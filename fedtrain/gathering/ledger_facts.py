"""Gather the ledger part of a snapshot.

Objects of the ledger never change, so records are cached, and a gather needs one listing of the current round, plus
reads of the objects that are new or missing.

Anyone with the store's credentials can write objects. An object that has a record's name but is not a valid record of
this run is ignored and reported as a stray; a participant's invalid record is reported as a fault of that participant.
Where no other object can take its place (plan, manifest, initial adapter, end), an error names it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fedtrain.api.begun import begun
from fedtrain.contracts import names, noise_records, records, run_end
from fedtrain.contracts.record import Record
from fedtrain.contracts.untrusted_records import Measurement, Preflight, Update
from fedtrain.gathering.incoming import Incoming
from fedtrain.ledger.closes import takes_away
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.lost_run import LostLedger
from fedtrain.ledger.store import LedgerCorrupt
from fedtrain.ledger.valid_records import read_valid
from fedtrain.rounds.snapshot import LedgerFacts, RoundRecords

R = TypeVar("R", bound=Record)

_UPDATE = re.compile(r"rounds/[0-9]+/updates/([_a-z0-9][-a-z0-9]*)/([1-9][0-9]{0,8})/record\.json")
PREFLIGHTS = "preflight/"


@dataclass
class LedgerGatherer:
    """Reads the ledger of one run. `run`: the run that this coordinator has claimed. `hint`: the current round, if
    known; if its previous round has ended, earlier rounds are not read. `incoming`: records of participants without the
    ledger's keys, which are admitted first; None if all have keys."""

    ledger: Ledger
    run: records.Run
    hint: int = 0
    incoming: Incoming | None = None
    _manifest: records.Manifest | None = None
    _planned: int | None = None
    """Last round whose plan was read."""
    _complete: set[str] = field(default_factory=set[str])
    """Update files whose size matches their record."""
    _invalid: dict[str, str] = field(default_factory=dict[str, str])
    """Reasons by name of invalid objects, which are not read again."""

    def gather(self) -> LedgerFacts:
        """Read the ledger. Raises StoreError; LedgerCorrupt if the plan of the current round, or all rounds of a run
        that has begun, have disappeared, or if an object that has no substitute is not a valid record of this run. The
        round is listed first: dependencies of its records (preflights of a plan, updates of a close) were written
        before them, so the reads that follow find them."""
        if self._manifest is None and self.hint > 0:
            self._pass(self.hint - 1)  # its uploads were ended before any status had `hint`
        round = self._manifest.round + 1 if self._manifest else 0
        listed = self._names(names.round_folder(round) + "/")
        while names.manifest(round) in listed:
            self._pass(round)
            if self.incoming is not None:
                self.incoming.close(names.round_folder(round) + "/")
            round += 1
            listed = self._names(names.round_folder(round) + "/")
        if self._manifest is None and begun(self.hint):
            raise LostLedger(self.ledger.url)
        if self._planned == round and names.plan(round) not in listed:
            raise LedgerCorrupt(
                f"{self.ledger.url}/{names.plan(round)} has disappeared. Restore the ledger, or start a run with "
                "another `metadata.name`."
            )
        strays: dict[str, str] = {}
        current = self._round(round, listed, strays)
        between = current.plan is None  # the next round is planned, or the last one has ended
        if not between:
            self._planned = round
        preflights, preflight_faults = self._preflights(current.plan)
        measurements, measurement_faults = self._measurements() if between else ({}, {})
        return LedgerFacts(
            run=self.run,
            preflights=preflights,
            preflight_faults=preflight_faults,
            initial=self._only(names.initial(), records.Initial),
            manifest=self._manifest,
            last_plan=self._newest_plan() if between else None,
            current=current,
            measurements=measurements,
            measurement_faults=measurement_faults,
            failures=self._failures(strays),
            end=self._only(names.END, run_end.End) if between else None,
            strays=strays,
        )

    def _pass(self, round: int) -> None:
        """Read the manifest of a round, if it exists."""
        self._manifest = self._only(names.manifest(round), records.Manifest) or self._manifest

    def _names(self, prefix: str) -> list[str]:
        """List the objects whose names begin with `prefix`, after the records that participants have left there were
        admitted."""
        if self.incoming is not None:
            self.incoming.admit(prefix)
        return self.ledger.names(prefix)

    def _newest_plan(self) -> records.Plan | None:
        """Return the plan of the last finished round; None for round 0, which has no plan."""
        return self._only(names.plan(self._manifest.round), records.Plan) if self._manifest else None

    def _round(self, round: int, listed: list[str], strays: dict[str, str]) -> RoundRecords:
        folder = names.round_folder(round)
        updates: dict[tuple[str, int], Update] = {}
        faults: dict[tuple[str, int], str] = {}
        for name in listed:
            if (parts := _UPDATE.fullmatch(name)) is None:
                continue
            who, attempt = parts[1], int(parts[2])
            found = self._update(name)
            if isinstance(found, Update):
                updates[who, attempt] = found
            else:
                faults[who, attempt] = found

        def read(prefix: str, kind: type[R]) -> list[R]:
            return self._valid((name for name in listed if name.startswith(f"{folder}/{prefix}")), kind, strays)

        plan = self._only(names.plan(round), records.Plan) if names.plan(round) in listed else None
        return RoundRecords(
            round=round,
            plan=plan,
            grants=tuple(read("attempts/", records.Grant)),
            updates=updates,
            faults=faults,
            closes=_closes_of(plan, read("close-", records.Close), strays),
            aggregates={found.k: found for found in read("aggregate-", records.Aggregate)},
            evaluations={found.k: found for found in read("evaluation-", records.Evaluation)},
            spends={found.k: found for found in read("spend-", noise_records.Spend)},
            exclusions={found.participant: found for found in read("exclusions/", records.Exclusion)},
        )

    def _update(self, name: str) -> Update | str:
        """Return the update record, or the reason why it is invalid, which does not depend on the host."""
        record = self._read(name, Update)
        if record is None:
            return "its record has disappeared"
        if isinstance(record, str):
            return f"its record.json: {record}"
        file = f"{names.update_folder(record.round, record.participant, record.attempt)}/{record.file}"
        if file in self._complete:
            return record
        size = self.ledger.size(file)
        if size is None:
            return f"its file {record.file} is missing"
        if size != record.size:
            return f"its file {record.file} has {size} bytes instead of {record.size}"
        self._complete.add(file)
        return record

    def _valid(self, listed: Iterable[str], kind: type[R], strays: dict[str, str]) -> list[R]:
        """Return the valid records of this run; report the others as strays."""
        found: list[R] = []
        for name in listed:
            record = self._read(name, kind)
            if isinstance(record, str):
                strays[name] = record
            elif record is not None:
                found.append(record)
        return found

    def _read(self, name: str, kind: type[R]) -> R | str | None:
        if name in self._invalid:
            return self._invalid[name]
        found = read_valid(self.ledger, self.run.run_id, name, kind)
        if isinstance(found, str):
            self._invalid[name] = found
        return found

    def _only(self, name: str, kind: type[R]) -> R | None:
        """Return the record of a name that has no substitute. Raises LedgerCorrupt if it is not valid."""
        found = read_valid(self.ledger, self.run.run_id, name, kind)
        if isinstance(found, str):
            raise LedgerCorrupt(
                f"{self.ledger.url}/{name}: {found}. Restore it from a backup, or start a run with another "
                "metadata.name."
            )
        return found

    def _preflights(self, plan: records.Plan | None) -> tuple[dict[str, Preflight], dict[str, str]]:
        """Return preflights and faults by participant. A plan contains the preflights that it was computed from, and
        names all participants that may have answered since."""
        known = {found.participant: found for found in plan.preflights} if plan else {}
        if plan is None:
            listed = self._names(PREFLIGHTS)
        else:
            listed = [names.preflight(who) for who in plan.positions if who not in known]
            if listed and self.incoming is not None:
                self.incoming.admit(PREFLIGHTS)
        found, faults = self._by_participant(listed, Preflight)
        for who in list(found):
            if problem := uncounted_data_sets(self.run.spec, found[who]):
                faults[who] = problem
                del found[who]
        return known | found, faults

    def _by_participant(self, listed: Iterable[str], kind: type[R]) -> tuple[dict[str, R], dict[str, str]]:
        """Return records and faults by participant. They are not cached: if a faulty record is deleted, the participant
        is asked again."""
        found: dict[str, R] = {}
        faults: dict[str, str] = {}
        for name in listed:
            who = name.rpartition("/")[2].removesuffix(".json")
            record = read_valid(self.ledger, self.run.run_id, name, kind)
            if isinstance(record, str):
                faults[who] = record
            elif record is not None:
                found[who] = record
        return found, faults

    def _failures(self, strays: dict[str, str]) -> tuple[run_end.Failure, ...]:
        """Return the failures, numbered from 1. Numbers of strays are skipped."""
        found: list[run_end.Failure] = []
        number = 1
        while (failure := self._read(names.failure(number), run_end.Failure)) is not None:
            if isinstance(failure, str):
                strays[names.failure(number)] = failure
            else:
                found.append(failure)
            number += 1
        return tuple(found)

    def _measurements(self) -> tuple[dict[str, Measurement], dict[str, str]]:
        if self._manifest is None or self._manifest.round == 0:
            return {}, {}
        listed = self._names(f"{names.round_folder(self._manifest.round)}/measurements/")
        return self._by_participant(listed, Measurement)


def uncounted_data_sets(spec: Mapping[str, Any], preflight: Preflight) -> str | None:
    """Return why a preflight does not count the data sets of the run; None if it does. `spec`: of the run's record."""
    mixed = [one["name"] for one in spec.get("data", {}).get("datasets") or ()]
    counted = [one.name for one in preflight.datasets or ()]
    if counted == mixed:
        return None
    return f"counts {', '.join(counted) or 'one data set'} instead of {', '.join(mixed) or 'one data set'}"


def _closes_of(
    plan: records.Plan | None, closes: list[records.Close], strays: dict[str, str]
) -> tuple[records.Close, ...]:
    """Return the valid closes, by number. A close is a stray if it lists participants that are not members of the plan,
    or adds updates to the previous close of its epoch."""
    members = {member.participant for member in plan.members} if plan else set[str]()
    found: list[records.Close] = []
    for close in sorted(closes, key=lambda close: close.k):
        name = names.close(close.round, close.k)
        if any(update.participant not in members for update in close.updates):
            strays[name] = "lists participants that the plan does not"
        elif found and found[-1].epoch == close.epoch and not takes_away(found[-1], close):
            strays[name] = f"adds updates to {names.close(close.round, found[-1].k)}"
        else:
            found.append(close)
    return tuple(found)
