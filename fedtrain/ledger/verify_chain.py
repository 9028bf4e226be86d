"""Second pass of verification: the chain. Each manifest names, by digest, the previous manifest and the records of its
round; these must exist and agree."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import cast

from pydantic import ValidationError

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import early_stopping_state, gate_state, names
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.example_spending import spent_after
from fedtrain.contracts.noise_records import Spend
from fedtrain.contracts.privacy_blocks import PrivacyState
from fedtrain.contracts.record_fields import Digest
from fedtrain.contracts.records import Aggregate, Close, Evaluation, Grant, Initial, Manifest, Plan, Run
from fedtrain.contracts.run_end import End
from fedtrain.ledger.finding import Finding
from fedtrain.ledger.verify_records import Records

_ROUND = re.compile(r"rounds/(\d+)/")


@dataclass(frozen=True)
class Chain:
    """Checks over all records of a run. Every method appends to `findings`."""

    records: Records
    findings: list[Finding]
    _reported: set[str] = field(default_factory=set[str], init=False)
    """Names of the findings."""

    def check(self) -> None:
        self._reported.update(finding.name for finding in self.findings)
        manifests = dict(self.records.all(Manifest))
        rounds = sorted({int(found[1]) for name in self.records.digests if (found := _ROUND.match(name))})
        for round in rounds:
            self._closes(round)
            self._plan(round)
        last = max((manifest.round for manifest in manifests.values()), default=-1)
        self._manifests(rounds, max(last, rounds[-1] - 1 if rounds else -1))
        self._end(last)

    def _manifests(self, rounds: list[int], last: int) -> None:
        """Manifests up to round `last`. A gap is one finding, because a stray object may have any number of a round."""
        near = {number for round in rounds for number in (round - 1, round) if 0 <= number <= last}
        following = 0
        for round in sorted(filter(self._is_there_or_reported, near)):
            self._gap(following, round - 1)
            self._manifest(round)
            following = round + 1
        self._gap(following, last)

    def _gap(self, first: int, last: int) -> None:
        if first <= last:
            rest = f"round {last}" if last == first + 1 else f"rounds {first + 1} to {last}"
            more = f", as is that of {rest}" if last == first + 1 else f", as are those of {rest}"
            self._say(names.manifest(first), f"is missing{more if first < last else ''}, though a later round exists")

    def _is_there_or_reported(self, round: int) -> bool:
        name = names.manifest(round)
        return name in self.records.digests or name in self._reported

    def _manifest(self, round: int) -> None:
        name = names.manifest(round)
        manifest = self.records.get(name, Manifest)
        if manifest is None:
            return
        before = names.manifest(round - 1) if round else names.RUN
        self._digest(name, "previous", manifest.previous, before)
        if round == 0:
            self._initial(name, manifest)
        else:
            self._progress(name, manifest)
            self._digest(name, "plan", manifest.plan, names.plan(round))
        if manifest.k is not None and manifest.outcome != "Initial":
            self._digest(name, "close", manifest.close, names.close(round, manifest.k))
        if manifest.outcome in ("Committed", "RolledBack"):
            self._aggregated(name, manifest)
        if manifest.evaluation is not None:
            self._evaluation(name, manifest)
        self._judged(name, manifest)
        self._privacy(name, manifest)

    def _initial(self, name: str, manifest: Manifest) -> None:
        self._same(name, "outcome", "Initial", manifest.outcome)
        self._same(name, "step", 0, manifest.step)
        initial = self.records.get(names.initial(), Initial)
        if initial is None:
            if names.initial() not in self.records.digests:
                self._say(names.initial(), "is missing")
            return
        self._same(name, f"adapter, which {names.initial()} names", initial.adapter, manifest.adapter)
        self._same(name, f"config, which {names.initial()} names", initial.config, manifest.config)

    def _progress(self, name: str, manifest: Manifest) -> None:
        """A committed round is one step further; one that is skipped or rolled back leaves everything as it was."""
        before = self.records.get(names.manifest(manifest.round - 1), Manifest)
        if before is None:
            return
        self._same(name, "step", before.step + (manifest.outcome == "Committed"), manifest.step)
        self._same(name, "config, which never changes", before.config, manifest.config)
        if manifest.outcome in ("Skipped", "RolledBack"):
            how = "skipped" if manifest.outcome == "Skipped" else "rolled back"
            self._same(name, f"adapter, which a {how} round keeps", before.adapter, manifest.adapter)
            self._same(name, f"state, which a {how} round keeps", before.state, manifest.state)

    def _judged(self, name: str, manifest: Manifest) -> None:
        """The states of the gate and of early stopping follow from the previous ones and the hub's metrics. The gate's
        decides whether the round is rolled back."""
        run, before = self.records.get(names.RUN, Run), self.records.get(names.manifest(manifest.round - 1), Manifest)
        if run is None or (before is None and manifest.round > 0):
            return
        try:
            spec = FederatedTrainingSpec.model_validate(run.spec)
        except ValidationError:
            return  # a spec of another version
        evaluation = self.records.get(names.evaluation(manifest.round, manifest.k or 0), Evaluation)
        past, stopping = (before.gate, before.early_stopping) if before else (None, None)
        if manifest.outcome == "Skipped":
            expected = gate_state.kept(past)
        else:
            metrics = evaluation.metrics if evaluation else None
            expected = gate_state.judge(spec, past, metrics)
            back = manifest.outcome == "RolledBack"
            stopping = early_stopping_state.judge(spec, stopping, manifest.round, metrics, back)
        self._same(name, "state of the gate than the metrics give", expected, manifest.gate)
        self._same(name, "state of early stopping than the metrics give", stopping, manifest.early_stopping)
        rejected = expected is not None and expected.rejected is not None
        if manifest.outcome in ("Committed", "RolledBack"):
            outcome = "RolledBack" if rejected else "Committed"
            self._same(name, "outcome than the gate gives", outcome, manifest.outcome)

    def _aggregated(self, name: str, manifest: Manifest) -> None:
        if manifest.k is None:
            self._say(name, f"is {manifest.outcome} without a close (k)")
            return
        own = names.aggregate(manifest.round, manifest.k)
        self._digest(name, "aggregate", manifest.aggregate, own)
        aggregate = self.records.get(own, Aggregate)
        close = self.records.get(names.close(manifest.round, manifest.k), Close)
        if aggregate is None or close is None:
            return
        if manifest.outcome == "Committed":
            self._same(name, f"adapter, which {own} names", aggregate.adapter, manifest.adapter)
            self._same(name, f"state, which {own} names", aggregate.state, manifest.state)
        if aggregate.privacy is not None:
            spend = names.spend(manifest.round, manifest.k)
            self._digest(own, "privacy.spend", aggregate.privacy.spend, spend)
            found = self.records.get(spend, Spend)
            if found is not None and found.multiplier is None:
                self._say(own, f"was made without noise: {spend} ended this close")
        elif manifest.privacy is not None and not self._example_privacy:
            self._say(own, "was made without noise, but the run has spec.privacy")
        listed = [update.participant for update in close.updates]
        self._same(own, "participants, which the close lists", listed, [w.participant for w in aggregate.weights])

    def _privacy(self, name: str, manifest: Manifest) -> None:
        """A manifest counts all noise that was drawn up to its round. Each close has a Spend record when its round is
        recorded, so none can be drawn afterwards."""
        before = self.records.get(names.manifest(manifest.round - 1), Manifest)
        if manifest.privacy is None or before is None or before.privacy is None:
            return
        self._spent_by_participants(name, manifest, before.privacy)
        if self._example_privacy:
            return
        drawn = Counter({past.multiplier: past.count for past in before.privacy.spent})
        drawn.update(
            spend.multiplier
            for _, spend in self.records.all(Spend)
            if spend.round == manifest.round and spend.multiplier is not None
        )
        counted = {past.multiplier: past.count for past in manifest.privacy.spent}
        self._same(name, "count of noise draws (privacy.spent)", dict(drawn), counted)
        for close_name, close in self.records.all(Close):
            spend = names.spend(close.round, close.k)
            if close.round == manifest.round and spend not in self.records.digests:
                self._say(spend, f"is missing, though {close_name} exists and the round is recorded")

    @property
    def _example_privacy(self) -> bool:
        """Whether participants add the noise, to the gradients of rows."""
        run = self.records.get(names.RUN, Run)
        privacy: object = run.spec.get("privacy") if run else None
        return isinstance(privacy, Mapping) and cast(Mapping[str, object], privacy).get("unit") == "Example"

    def _spent_by_participants(self, name: str, manifest: Manifest, before: PrivacyState) -> None:
        """Where participants draw the noise, a manifest counts all attempts that were issued up to its round."""
        assert manifest.privacy is not None
        plan = self.records.get(names.plan(manifest.round), Plan)
        grants = [grant for _, grant in self.records.all(Grant) if grant.round == manifest.round]
        spent = spent_after(before.participants, plan, grants)
        self._same(name, "releases of participants (privacy.participants)", spent, manifest.privacy.participants)

    def _evaluation(self, name: str, manifest: Manifest) -> None:
        own = names.evaluation(manifest.round, manifest.k or 0)
        self._digest(name, "evaluation", manifest.evaluation, own)
        evaluation = self.records.get(own, Evaluation)
        if evaluation is None:
            return
        if manifest.outcome != "RolledBack":
            self._same(own, "adapter, which the manifest names", manifest.adapter, evaluation.adapter)
        elif aggregate := self.records.get(names.aggregate(manifest.round, manifest.k or 0), Aggregate):
            self._same(own, "adapter, which the aggregate names", aggregate.adapter, evaluation.adapter)

    def _plan(self, round: int) -> None:
        plan = self.records.get(names.plan(round), Plan)
        if plan is not None:
            self._digest(names.plan(round), "previous", plan.previous, names.manifest(round - 1))
            for preflight in plan.preflights:
                own = names.preflight(preflight.participant)
                self._digest(names.plan(round), "preflights", digest_of(preflight), own)

    def _closes(self, round: int) -> None:
        """Closes are numbered from 1 and list members of the plan. Within an epoch each further one only takes updates
        away, in the same order."""
        closes = sorted(
            ((name, close) for name, close in self.records.all(Close) if close.round == round), key=lambda c: c[1].k
        )
        for number in range(1, closes[-1][1].k if closes else 1):
            if names.close(round, number) not in self.records.digests:
                self._say(names.close(round, number), f"is missing, though {closes[-1][0]} exists")
                return
        plan = self.records.get(names.plan(round), Plan)
        members = [member.participant for member in plan.members] if plan else []
        for name, close in closes if plan else ():
            strangers = [update.participant for update in close.updates if update.participant not in members]
            if strangers:
                self._say(name, f"lists participants that the plan doesn't: {strangers}")
        for name, close in closes:
            for who, digest in (close.exclusions or {}).items():
                self._digest(name, "exclusions", digest, names.exclusion(round, who))
                if any(update.participant == who for update in close.updates):
                    self._say(name, f"lists an update of {who}, which is excluded from this round")
            for update in close.updates:
                self._digest(name, "updates", update.record, names.update(round, update.participant, update.attempt))
        for (_, before), (name, after) in pairwise(closes):
            kept = [update for update in before.updates if update in after.updates]
            if after.epoch == before.epoch and list(after.updates) != kept:
                extra = [update.participant for update in after.updates if update not in before.updates]
                self._say(name, f"lists updates that the close before doesn't, or in another order: {extra}")
            if after.epoch < before.epoch:
                self._say(name, "has an earlier epoch than the close before")

    def _end(self, last: int) -> None:
        end = self.records.get(names.END, End)
        if end is None:
            return
        self._same(names.END, "round, the last manifest's", last, end.round)
        self._digest(names.END, "manifest", end.manifest, names.manifest(end.round))
        manifest = self.records.get(names.manifest(end.round), Manifest)
        if manifest is not None:
            self._same(names.END, "adapter, the last manifest's", manifest.adapter, end.adapter)

    def _digest(self, name: str, field: str, expected: Digest | None, target: str) -> None:
        """`name` says in `field` what the digest of `target` is."""
        found = self.records.digests.get(target)
        if expected is None:
            self._say(name, f"doesn't name the digest of {target} ({field})")
        elif found is None:
            self._missing(target, f"{name} names it")
        elif found != expected and not self._is_known(target):
            problem = f"is not the record that {name} names ({field}); one of the two was changed"
            self._add(Finding(target, problem, expected, found, other=name))

    def _missing(self, name: str, why: str) -> None:
        """One finding for a missing file, however many records name it."""
        if name not in self._reported:
            self._say(name, f"is missing, though {why}")

    def _is_known(self, target: str) -> bool:
        """Whether another digest of `target` follows from a finding: it is not a valid record, or the `run.json` of
        another run."""
        own = target == names.RUN and target in self._reported
        return own or target not in self.records.found

    def _same(self, name: str, what: str, expected: object, found: object) -> None:
        if expected != found:
            self._add(Finding(name, f"has another {what}", str(expected), str(found)))

    def _say(self, name: str, problem: str) -> None:
        self._add(Finding(name, problem))

    def _add(self, finding: Finding) -> None:
        self.findings.append(finding)
        self._reported.add(finding.name)
