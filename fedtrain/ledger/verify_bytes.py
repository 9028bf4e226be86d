"""Last pass of verification: the bytes. Every blob has the digest in its name, every blob that a record names exists,
and the update files that the last close of a round lists are the files that were sent."""

import re
from contextlib import closing

from fedtrain.contracts import names
from fedtrain.contracts.digests import digest_reader
from fedtrain.contracts.record_fields import Digest
from fedtrain.contracts.records import Aggregate, Close, Evaluation, Initial, Manifest
from fedtrain.contracts.untrusted_records import Update
from fedtrain.ledger.finding import Finding
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import ObjectMissing
from fedtrain.ledger.verify_records import Records

_BLOB = re.compile(r"blobs/[0-9a-f]{64}")


class Bytes:
    """Reads the objects that records name, and counts them."""

    def __init__(self, ledger: Ledger, records: Records, findings: list[Finding]) -> None:
        self._ledger = ledger
        self._records = records
        self._findings = findings
        self.blobs = 0
        self.updates = 0
        self.bytes = 0

    def check(self, listed: list[str]) -> None:
        stored = {name for name in listed if name.startswith(names.blob(""))}
        for name in sorted(stored):
            if _BLOB.fullmatch(name) is None:
                self._say(name, "does not have a digest for a name, so it is not a blob")
                continue
            self.blobs += 1
            self._check(name, f"blake3:{name.removeprefix(names.blob(''))}", "its name")
        for digest, by in self._named():
            if names.blob(digest) not in stored:
                stored.add(names.blob(digest))
                self._say(names.blob(digest), f"is missing, though {by} names it")
        for name, close in self._last_closes():
            for update in close.updates:
                self._check_update(name, names.update(close.round, update.participant, update.attempt), update.digest)

    def _named(self) -> list[tuple[Digest, str]]:
        """Every blob that a record names, and that record's name."""
        named: list[tuple[Digest | None, str]] = []
        for name, initial in self._records.all(Initial):
            named += [(initial.adapter, name), (initial.config, name)]
        named += [(evaluation.generated, name) for name, evaluation in self._records.all(Evaluation)]
        for name, record in [*self._records.all(Aggregate), *self._records.all(Manifest)]:
            named += [(record.adapter, name), (record.state, name)]
        return [(digest, name) for digest, name in named if digest is not None]

    def _last_closes(self) -> list[tuple[str, Close]]:
        """The close that counts in each round: the manifest's, or the newest while the round has no manifest."""
        last: dict[int, tuple[str, Close]] = {}
        for name, close in self._records.all(Close):
            manifest = self._records.get(names.manifest(close.round), Manifest)
            counted = manifest.k if manifest else None
            if close.k == counted or (
                counted is None and close.k > (last[close.round][1].k if close.round in last else 0)
            ):
                last[close.round] = (name, close)
        return list(last.values())

    def _check_update(self, close: str, name: str, digest: Digest) -> None:
        record = self._records.get(name, Update)
        if record is None:
            if name not in self._records.digests:
                self._say(name, f"is missing, though {close} lists it")
            return
        if record.digest != digest:
            problem = f"names another file than {close} lists"
            self._findings.append(Finding(name, problem, digest, record.digest))
        file = f"{names.update_folder(record.round, record.participant, record.attempt)}/{record.file}"
        self.updates += 1
        self._check(file, digest, close)

    def _check(self, name: str, expected: Digest, by: str) -> None:
        try:
            reader = self._ledger.open(name)
        except ObjectMissing:
            self._say(name, f"is missing, though {by} lists it")
            return
        with closing(reader):
            self.bytes += reader.size
            reader.stream(0)
            found = digest_reader(reader)
        if found != expected:
            self._findings.append(Finding(name, f"has another content than {by} says", expected, found))

    def _say(self, name: str, problem: str) -> None:
        self._findings.append(Finding(name, problem))
