"""From a run's ledger to its summary. Reads only; works at any moment of a run, finished or not."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import sqrt

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.contracts.gate_state import explained
from fedtrain.contracts.noise_records import Spend
from fedtrain.contracts.records import Absent, Aggregate, Close, Evaluation, Grant, Initial, Manifest, Plan, Run
from fedtrain.contracts.run_end import End, Failure
from fedtrain.contracts.untrusted_records import Measurement, Preflight
from fedtrain.gathering.ledger_facts import LedgerGatherer
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.run_spec import spec_of
from fedtrain.ledger.store import ObjectMissing
from fedtrain.partitioning.mixing import shares
from fedtrain.partitioning.positions import Positions, positions_of
from fedtrain.plurals import form
from fedtrain.results.damage import changed_records, check_manifests, missing_records
from fedtrain.results.listed_records import ListedRecords
from fedtrain.results.participants import participant_rounds
from fedtrain.results.run_phase import interrupted_in, phase_of_run
from fedtrain.results.run_summary import (
    DatasetSummary,
    DataSummary,
    FailureSummary,
    RoundSummary,
    RunSummary,
)
from fedtrain.results.telemetry import read_runner
from fedtrain.rounds.aggregating import stands
from fedtrain.rounds.phase import observe
from fedtrain.rounds.spent_epsilon import PrivacyLoss, loss_after, step_signal_to_noise, trained_values


def summarise(ledger: Ledger) -> RunSummary:
    """Raises ObjectMissing when there is no run, LedgerCorrupt when it can't be read, StoreError."""
    return _Reader(ledger).summary()


class _Reader(ListedRecords):
    def summary(self) -> RunSummary:
        run = self.one(names.RUN, Run)
        if run is None:
            raise ObjectMissing(f"There is no run in {self.ledger.url}: it has no {names.RUN}.")
        self.run_id = run.run_id
        spec = spec_of(self.ledger, run)
        end = self.one(names.END, End)
        check_manifests(self.ledger, self.present, end)
        manifests = self.manifests()
        preflights = {p.participant: p for p in self.all("preflight/", Preflight)}
        failures = sorted(self.all("failures/", Failure), key=lambda failure: failure.number)
        rounds = [self.round(number, manifest, manifests, spec, failures) for number, manifest in enumerate(manifests)]
        standing = observe(spec, LedgerGatherer(self.ledger, run).gather())
        if end is None and len(manifests) <= spec.rounds.count and manifests:
            over = failures[:-1] if standing.phase == "Failed" else failures
            rounds.append(self.round(len(manifests), None, manifests, spec, over))
        phase = phase_of_run(self.ledger, standing.phase)
        message = interrupted_in(standing.phase) if phase == "Interrupted" else standing.message
        initial = self.one(names.initial(), Initial)
        used = positions_of(self.newest_plan(len(rounds)))
        newest = manifests[-1] if manifests else None
        return RunSummary(
            namespace=run.namespace,
            name=run.name,
            url=self.ledger.url,
            run_id=run.run_id,
            phase=phase,
            message=message,
            damage=self.damage(manifests),
            rounds_done=max(0, len(manifests) - 1),
            rounds_of=spec.rounds.count,
            spec=spec,
            data=tuple(
                DataSummary(p.participant, p.samples, p.validation_samples, p.fingerprint, _datasets(spec, p, used))
                for who in (participant.name for participant in spec.participants)
                if (p := preflights.get(who)) is not None
            ),
            rounds=tuple(rounds),
            failures=tuple(FailureSummary(f.number, f.round, f.reason, f.message) for f in failures),
            facts=initial.facts if initial else None,
            template_date=initial.template_date if initial else None,
            base_fingerprint=initial.base_fingerprint if initial else None,
            adapter=newest.adapter if newest else None,
            config=newest.config if newest else None,
            privacy=self.privacy(spec, newest, initial),
            adapter_bytes=self.ledger.size(names.blob(newest.adapter)) if newest else None,
            head=self.ledger.digest(names.manifest(newest.round)) if newest else None,
        )

    def newest_plan(self, rounds: int) -> Plan | None:
        """Return the last plan of the first `rounds` rounds, round 0 included; None if there is none."""
        plans = (self.one(names.plan(number), Plan) for number in range(rounds, 0, -1))
        return next((plan for plan in plans if plan is not None), None)

    def damage(self, manifests: list[Manifest]) -> str:
        """Return which records are missing or changed; empty if none is."""
        missing = list(missing_records(self.present, manifests))
        changed = list(changed_records(self.ledger, self.present, manifests))
        return " ".join(
            f"Damaged: {', '.join(found[:5])} {problem}. Restore {form(len(found), 'it', 'them')} from a backup; "
            "`fedtrain ledger verify` checks all records."
            for found, problem in (
                (missing, form(len(missing), "is missing", "are missing")),
                (changed, form(len(changed), "was changed", "were changed")),
            )
            if found
        )

    def round(
        self,
        number: int,
        manifest: Manifest | None,
        manifests: list[Manifest],
        spec: FederatedTrainingSpec,
        failures: Sequence[Failure],
    ) -> RoundSummary:
        """`failures`: those after which the run was resumed."""
        folder = names.round_folder(number)
        plan = self.one(names.plan(number), Plan)
        closes = sorted(self.all(f"{folder}/close-", Close), key=lambda close: close.k)
        if manifest is not None and manifest.k is not None:
            closes = [close for close in closes if close.k <= (manifest.k or 0)]
        bad = {(one.participant, one.attempt) for close in closes for one in close.quarantined}
        void = [at for at, close in enumerate(closes, 1) if not stands(close, spec, failures)]
        closes = closes[max(void, default=0) :]
        close = closes[-1] if closes else None
        aggregate = self.one(names.aggregate(number, close.k), Aggregate) if close else None
        evaluation = self.evaluation(number, manifest.adapter if manifest else aggregate and aggregate.adapter)
        back = aggregate if manifest and manifest.outcome == "RolledBack" else None
        rejected = self.evaluation(number, back.adapter) if back else None
        updates = {(update.participant, update.attempt): update for update in self.updates(number)}
        wall, tasks = read_runner(self.ledger, number) if self.has(names.telemetry(f"{folder}/")) else (None, ())
        return RoundSummary(
            number=number,
            outcome=manifest.outcome if manifest else "Open",
            step=manifest.step if manifest else manifests[-1].step,
            reason=explained(spec, manifest.gate) if manifest and back else "",
            rejected=rejected.metrics if rejected else {},
            adapter=manifest.adapter if manifest else None,
            participants=participant_rounds(
                spec,
                plan,
                closes,
                bad,
                aggregate,
                updates,
                self.all(f"{folder}/attempts/", Grant),
                manifest,
                self.executions(number, plan),
            ),
            absent=self.absent(plan, close, manifest),
            metrics=evaluation.metrics if evaluation else {},
            samples=evaluation.samples if evaluation else None,
            rows=evaluation.rows if evaluation else None,
            labels=evaluation.labels if evaluation else None,
            generated=evaluation.generated if evaluation else None,
            measured=self.measured(number, manifest, spec),
            update_norm=aggregate.update_norm if aggregate else None,
            epsilon=loss.epsilon if manifest and (loss := loss_after(spec, manifest)) else None,
            clipping_norm=aggregate.privacy.bound if aggregate and aggregate.privacy else None,
            signal_to_noise=self.signal_to_noise(spec, aggregate, plan),
            manifest=self.ledger.digest(names.manifest(number)) if manifest else None,
            wall_seconds=wall,
            tasks=tasks,
        )

    def signal_to_noise(
        self, spec: FederatedTrainingSpec, aggregate: Aggregate | None, plan: Plan | None
    ) -> float | None:
        """From the noise that the aggregate has, so that it also holds for a round with missing updates; with unit
        Example, from the noise of the plan."""
        made = aggregate.privacy if aggregate else None
        if made is None and spec.example_privacy is None:
            return None
        initial = self.one(names.initial(), Initial)
        values = trained_values(spec, initial.facts if initial else None)
        if spec.example_privacy is not None:
            return step_signal_to_noise(plan, values)
        return made.bound / (made.noise_std * sqrt(values)) if made and values else None

    def privacy(
        self, spec: FederatedTrainingSpec, newest: Manifest | None, initial: Initial | None
    ) -> PrivacyLoss | None:
        last = newest.round if newest else 0
        folder = names.round_folder(last + 1 if newest else 0)
        values = trained_values(spec, initial.facts if initial else None)
        loss = loss_after(
            spec,
            newest,
            spends=self.all(f"{folder}/spend-", Spend),
            plan=self.one(f"{folder}/plan.json", Plan),
            grants=self.all(f"{folder}/attempts/", Grant),
            values=values,
        )
        if loss is None or spec.example_privacy is None:
            return loss
        return replace(loss, ratio=step_signal_to_noise(self.newest_plan(last + 1), values))

    def manifests(self) -> list[Manifest]:
        found: list[Manifest] = []
        while (manifest := self.one(names.manifest(len(found)), Manifest)) is not None:
            found.append(manifest)
        return found

    def evaluation(self, number: int, adapter: str | None) -> Evaluation | None:
        """The one of this adapter: an older close may have left another."""
        found = self.all(f"{names.round_folder(number)}/evaluation-", Evaluation)
        return next((evaluation for evaluation in reversed(found) if evaluation.adapter == adapter), None)

    def measured(
        self, number: int, manifest: Manifest | None, spec: FederatedTrainingSpec
    ) -> dict[str, Mapping[str, float]]:
        """The participants' metrics of the round's adapter: measured after the last round, or received in the next."""
        if manifest is None:
            return {}
        found: dict[str, Mapping[str, float]] = {}
        for update in self.updates(number + 1):
            if update.received:
                found.setdefault(update.participant, update.received)
        for measurement in self.all(f"{names.round_folder(number)}/measurements/", Measurement):
            if measurement.adapter == manifest.adapter:
                found[measurement.participant] = measurement.metrics
        return {p.name: found[p.name] for p in spec.participants if p.name in found}

    def absent(self, plan: Plan | None, close: Close | None, manifest: Manifest | None) -> tuple[Absent, ...]:
        sources = (manifest.absent if manifest else (), close.absent if close else (), plan.absent if plan else ())
        found: dict[str, Absent] = {}
        for source in sources:
            for absent in source:
                found.setdefault(absent.participant, absent)
        quarantined = {bad.participant for bad in close.quarantined} if close else set[str]()
        return tuple(absent for who, absent in found.items() if who not in quarantined)


def _datasets(spec: FederatedTrainingSpec, preflight: Preflight, used: Positions) -> tuple[DatasetSummary, ...]:
    """Return the data sets of a mix that a participant has counted; none without a mix."""
    counted = {one.name: one for one in preflight.datasets or ()}
    positions = used.of_sets(preflight.participant)
    return tuple(
        DatasetSummary(
            name, float(share), counted[name].samples, counted[name].validation_samples, positions.get(name, 0)
        )
        for name, share in shares(spec.data.datasets or ()).items()
        if name in counted
    )
