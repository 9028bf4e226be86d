"""One round's aggregation: from a close to `aggregate-<k>.json`, or to `close-<k+1>.json` without bad updates."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from fedtrain.adapters.errors import AdapterFileError
from fedtrain.adapters.header import TensorEntry, read_header
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.privacy import Privacy
from fedtrain.contracts import names
from fedtrain.contracts.privacy_blocks import NoisyMean
from fedtrain.contracts.records import Aggregate, Close, Manifest, Weight
from fedtrain.ledger.closes import next_close
from fedtrain.ledger.file_store import MappedReader
from fedtrain.ledger.ledger import Ledger
from fedtrain_aggregator.checks.aggregate import check_aggregate
from fedtrain_aggregator.checks.max_update_norm import norm_flaws
from fedtrain_aggregator.claim.aggregate import claim_aggregate
from fedtrain_aggregator.claim.quarantine import claim_next_close
from fedtrain_aggregator.combine import Combine, Mean
from fedtrain_aggregator.combine.weights import weights_of
from fedtrain_aggregator.encode import server_state
from fedtrain_aggregator.encode.next_files import NextFiles
from fedtrain_aggregator.encode.saved_sum import saved_sum
from fedtrain_aggregator.engine.open_update import open_updates
from fedtrain_aggregator.engine.previous_files import PreviousFiles, previous_files
from fedtrain_aggregator.engine.read_updates import Reading, Step, read_updates, reading_of
from fedtrain_aggregator.engine.update import Measurement, OpenUpdate
from fedtrain_aggregator.errors import Refused
from fedtrain_aggregator.layout import Layout, layout_of
from fedtrain_aggregator.merge import merge_of
from fedtrain_aggregator.privacy.claimed_norms import claimed_norms, measured_otherwise, without_norm
from fedtrain_aggregator.privacy.draw import planned_privacy
from fedtrain_aggregator.privacy.private_round import private_round, private_sum
from fedtrain_aggregator.privacy.update_flaws import private_flaws
from fedtrain_aggregator.strategies import Strategy, strategy_of
from fedtrain_aggregator.strategies.server_step import ServerStep, Tensor


def aggregate(
    ledger: Ledger, round: int, k: int, spec: FederatedTrainingSpec, reading: Reading | None = None
) -> Aggregate | Close:
    """Aggregate the updates that `close-<k>.json` lists, in its order. If an update fails a check, write the next close
    without it instead; the coordinator decides what follows. Adopts the result of an earlier execution.

    Raises StoreError, OSError; Refused when a retry does not help."""
    close = ledger.read(names.close(round, k), Close)
    if close is None or not close.updates:
        raise Refused(f"{names.close(round, k)} in {ledger.url} lists no update, so there is nothing to aggregate.")
    done = ledger.read(names.aggregate(round, k), Aggregate) or next_close(ledger, close)[1]
    if done is not None:
        return done
    previous = ledger.read(names.manifest(round - 1), Manifest)
    if previous is None:
        raise Refused(f"{ledger.url} has no {names.manifest(round - 1)}, so round {round} has no global adapter.")
    with (
        TemporaryDirectory(prefix="fedtrain-aggregate-") as folder,
        ExitStack() as readers,
        previous_files(ledger, previous, Path(folder)) as files,
    ):
        layout = layout_of(files.tensors, merge_of(spec.aggregation))
        opened = open_updates(ledger, spec, close, layout, readers)
        aggregation = _Round(ledger, spec, close, previous, layout, reading or reading_of(ledger))
        return aggregation.run(opened, files, Path(folder))


@dataclass(frozen=True)
class _Next:
    """The files of the next global adapter and server state, which `step` fills."""

    strategy: str
    adapter: Path
    state: Path | None
    step: ServerStep


@dataclass(frozen=True)
class _Round:
    ledger: Ledger
    spec: FederatedTrainingSpec
    close: Close
    previous: Manifest
    layout: Layout
    reading: Reading

    def run(self, opened: Sequence[OpenUpdate | str], files: PreviousFiles, folder: Path) -> Aggregate | Close:
        """`folder`: for temporary files."""
        updates = [update for update in opened if isinstance(update, OpenUpdate)]
        if len(updates) < len(opened):  # read the others as well, so that the next close leaves out all bad ones
            measured = iter(self._flaws(self._read(updates)))
            reasons = [update if isinstance(update, str) else next(measured) for update in opened]
            files.adapter()  # the header by which updates are refused is intact
            return claim_next_close(self.ledger, self.close, reasons)
        if (privacy := self.spec.participant_privacy) is not None:
            return self._private(updates, privacy, files, folder)
        return self._plain(updates, files, folder)

    def _plain(self, updates: Sequence[OpenUpdate], files: PreviousFiles, folder: Path) -> Aggregate | Close:
        weights = weights_of(self.spec, [update.record for update in updates])
        with self._next(files, folder) as made:
            measured = combine_updates(
                updates,
                self.layout.count,
                self.reading,
                Mean(weights),
                lambda start, values: made.result().step(start, values),
            )
            flaws = self._flaws(measured)
            if any(flaws):
                return claim_next_close(self.ledger, self.close, flaws)
            shares = list(zip((update.closed.participant for update in updates), weights, measured, strict=True))
            parts = [(who, weight * found.norm) for who, weight, found in shares]
            recorded = [Weight(participant=who, weight=weight, norm=found.norm) for who, weight, found in shares]
            return self._claim(made.result(), recorded, parts)

    def _private(
        self, updates: Sequence[OpenUpdate], privacy: Privacy, files: PreviousFiles, folder: Path
    ) -> Aggregate | Close:
        """Sum the updates, check them, claim the draw of noise, and only then make a noisy byte."""
        files.adapter()  # nothing is claimed by the header of a damaged one
        planned, count = planned_privacy(self.ledger, self.close.round), self.layout.count
        records = [update.record for update in updates]
        norms = claimed_norms(planned, updates, self._read(without_norm(planned, updates)))
        with saved_sum(folder, count) as total:
            while True:
                combine = private_sum(planned, norms, len(updates) + len(self.close.quarantined))
                measured = combine_updates(updates, count, self.reading, combine, total.write)
                flaws = self._flaws(measured)
                if any(flaws):
                    return claim_next_close(self.ledger, self.close, flaws)
                if not measured_otherwise(planned, norms, measured):
                    break
                norms = claimed_norms(planned, updates, measured)  # of bytes with the right digest: needed once at most
            private = private_round(self.ledger, self.close, privacy, planned, records, norms, count)
            with self._next(files, folder) as made:
                total.each_block(self.reading.threads, private.noisy(made.result().step))
                weight, members = 1 / private.arrived, [update.closed.participant for update in updates]
                recorded = [Weight(participant=who, weight=weight) for who in members]
                return self._claim(made.result(), recorded, [], private.mean())

    def _read(self, updates: Sequence[OpenUpdate]) -> Sequence[Measurement]:
        return read_updates(updates, self.layout.count, self.reading)

    @contextmanager
    def _next(self, files: PreviousFiles, folder: Path) -> Iterator[Future[_Next]]:
        """Drafts of the next adapter and server state, with the step that fills them. They wait for the previous files,
        which may take as long as some blocks of the updates."""
        with ExitStack() as stack, ThreadPoolExecutor(1) as pool:
            yield pool.submit(self._begun, files, folder, stack)

    def _begun(self, files: PreviousFiles, folder: Path, stack: ExitStack) -> _Next:
        strategy, adapter = strategy_of(self.spec.aggregation), files.adapter()
        made = NextFiles(self.ledger, adapter.parent == folder, stack)
        state, tensors = self._state(strategy, made, files.state()) if strategy.state else (None, {})
        following = made.after(adapter, self.layout.segments)
        trained = made.tensor(adapter, following, self.layout.segments)
        step = ServerStep(strategy, self.previous.step + 1, trained, tensors)
        return _Next(strategy.name, following, state, step)

    def _claim(
        self,
        made: _Next,
        weights: Sequence[Weight],
        parts: Sequence[tuple[str, float]],
        privacy: NoisyMean | None = None,
    ) -> Aggregate:
        """`parts`: each participant with the norm of its part of the mean; empty under privacy."""
        check_aggregate(made.step.largest, made.strategy, parts)
        norm = made.step.update_norm
        made.step.end()
        return claim_aggregate(self.ledger, self.close, made.adapter, made.state, weights, norm, privacy)

    def _state(self, strategy: Strategy, made: NextFiles, previous: Path | None) -> tuple[Path, Mapping[str, Tensor]]:
        """Return the file that becomes the next state, and the state's tensors."""
        names, count = strategy.state, self.layout.count
        if previous is None:
            following = made.draft()
            server_state.start_state(following, names, count)
            segments = server_state.segments_of(_tensors(following, "server state"), names, count)
            return following, made.tensors(None, following, segments)
        segments = server_state.segments_of(_tensors(previous, "server state"), names, count)
        following = made.after(previous, list(segments.values()))
        return following, made.tensors(previous, following, segments)

    def _flaws(self, measured: Sequence[Measurement]) -> list[str | None]:
        """Return why each update cannot be aggregated; None for the sound ones. The bound on norms considers updates
        that pass all other checks."""
        if self.spec.participant_privacy is not None:  # clipping bounds the norms
            return private_flaws(planned_privacy(self.ledger, self.close.round), self.layout, measured)
        flaws = [update.flaw(self.layout) for update in measured]
        sound = [update.norm for update, flaw in zip(measured, flaws, strict=True) if flaw is None]
        too_large = iter(norm_flaws(sound, self.spec.aggregation.max_update_norm))
        return [next(too_large) if flaw is None else flaw for flaw in flaws]


def combine_updates(
    updates: Sequence[OpenUpdate],
    count: int,
    reading: Reading,
    combine: Combine,
    step: Step,
) -> Sequence[Measurement]:
    """Read the updates as often as `combine` needs; in the last pass they are combined and stepped. Returns what that
    pass measured. Raises StoreError, OSError."""
    norms: Sequence[float] = ()
    for _ in range(combine.passes - 1):
        norms = [found.norm for found in read_updates(updates, count, reading)]
    return read_updates(updates, count, reading, lambda: combine.combination(reading.block, norms), step)


def _tensors(path: Path, what: str) -> Mapping[str, TensorEntry]:
    with path.open("rb") as file, closing(MappedReader(file, str(path))) as reader:
        try:
            return read_header(reader, f"The {what} of the previous round")
        except AdapterFileError as error:
            raise Refused(str(error)) from None
