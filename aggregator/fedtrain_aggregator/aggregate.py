"""One round's aggregation: from a close to `aggregate-<k>.json`, or to `close-<k+1>.json` without what is unsound."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory

from fedtrain.adapters.errors import AdapterFileError
from fedtrain.adapters.header import TensorEntry, read_header
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.contracts.records import Aggregate, Close, Manifest, Quarantined, Weight
from fedtrain.ledger.closes import next_close
from fedtrain.ledger.file_store import MappedReader
from fedtrain.ledger.ledger import Ledger
from fedtrain_aggregator import state
from fedtrain_aggregator.averaging import BLOCK, average, check
from fedtrain_aggregator.incoming import Incoming
from fedtrain_aggregator.judging import flaws
from fedtrain_aggregator.opening import open_update
from fedtrain_aggregator.pieces import Pieces
from fedtrain_aggregator.refused import Refused
from fedtrain_aggregator.strategies import strategy_of
from fedtrain_aggregator.trained import Trained, trained
from fedtrain_aggregator.weights import weights


def aggregate(ledger: Ledger, round: int, k: int, spec: FederatedTrainingSpec, block: int = BLOCK) -> Aggregate | Close:
    """Aggregates the updates that `close-<k>.json` lists, in its order, and writes blobs, then the record. If any
    update is unsound, writes the next close without it instead, and leaves to the coordinator what follows. Adopts
    what an earlier execution wrote. `block`: values in memory at a time, a multiple of norms.CHUNK; changes no bit.

    Raises StoreError, OSError; Refused when trying again won't help."""
    close = ledger.read(names.close(round, k), Close)
    if close is None or not close.updates:
        raise Refused(f"{names.close(round, k)} in {ledger.url} lists no update, so there is nothing to aggregate.")
    done = ledger.read(names.aggregate(round, k), Aggregate) or next_close(ledger, close)[1]
    if done is not None:
        return done
    before = ledger.read(names.manifest(round - 1), Manifest)
    if before is None:
        raise Refused(f"{ledger.url} has no {names.manifest(round - 1)}, so round {round} has no global adapter.")
    with TemporaryDirectory(prefix="fedtrain-aggregate-") as folder, ExitStack() as readers:
        adapter = Path(folder) / "adapter.safetensors"
        ledger.fetch_blob(before.adapter, adapter)
        expected = trained(_tensors(adapter, "global adapter"), spec.aggregation.merge)
        opened = [open_update(ledger, spec, close, closed, expected, readers) for closed in close.updates]
        updates = [update for update in opened if isinstance(update, Incoming)]
        if len(updates) < len(opened):
            check(updates, expected.count, block)
            return _quarantine(ledger, close, _reasons(opened, spec))
        return _average(ledger, close, before, spec, expected, updates, adapter, block)


def _average(
    ledger: Ledger,
    close: Close,
    before: Manifest,
    spec: FederatedTrainingSpec,
    expected: Trained,
    updates: Sequence[Incoming],
    adapter: Path,
    block: int,
) -> Aggregate | Close:
    """`adapter`: the global one before the round, in a file that becomes the next one."""
    strategy = strategy_of(spec.aggregation)
    shares = weights(spec, [update.record for update in updates])
    kept = adapter.with_name("state.safetensors") if strategy.state else None
    with ExitStack() as files:
        tensors: dict[str, Pieces] = {}
        if kept is not None:
            if before.state is None:
                state.write_zeros(kept, strategy.state, expected.count, block)
            else:
                ledger.fetch_blob(before.state, kept)
            places = state.places(_tensors(kept, "server state"), strategy.state, expected.count)
            tensors = {name: files.enter_context(Pieces(kept, [piece])) for name, piece in places.items()}
        values = files.enter_context(Pieces(adapter, expected.pieces))
        norm = average(updates, shares, expected.count, strategy, before.step + 1, values, tensors, block)
    reasons = _reasons(updates, spec)
    if any(reasons):
        return _quarantine(ledger, close, reasons)
    made = Aggregate(
        run_id=close.run_id,
        round=close.round,
        k=close.k,
        adapter=ledger.put_blob(adapter),
        state=ledger.put_blob(kept) if kept is not None else None,
        weights=tuple(
            Weight(participant=update.closed.participant, weight=share, norm=update.norm)
            for update, share in zip(updates, shares, strict=True)
        ),
        update_norm=norm,
    )
    return ledger.claim(names.aggregate(close.round, close.k), made)


def _reasons(opened: Sequence[Incoming | str], spec: FederatedTrainingSpec) -> list[str | None]:
    """Why each update of the close is out; None for those that stay. All that could be opened have been read."""
    judged = iter(
        flaws([update for update in opened if isinstance(update, Incoming)], spec.aggregation.max_update_norm)
    )
    return [update if isinstance(update, str) else next(judged) for update in opened]


def _quarantine(ledger: Ledger, close: Close, reasons: Sequence[str | None]) -> Close:
    """Writes the next close: the updates that no reason keeps out."""
    pairs = list(zip(close.updates, reasons, strict=True))
    bad = [Quarantined(participant=u.participant, attempt=u.attempt, reason=reason) for u, reason in pairs if reason]
    following = close.model_copy(
        update={
            "k": next_close(ledger, close)[0],
            "updates": tuple(update for update, reason in pairs if not reason),
            "quarantined": (*close.quarantined, *bad),
        }
    )
    return ledger.claim(names.close(close.round, following.k), following)


def _tensors(path: Path, what: str) -> Mapping[str, TensorEntry]:
    with path.open("rb") as file, closing(MappedReader(file, str(path))) as reader:
        try:
            return read_header(reader, f"The {what} of the round before")
        except AdapterFileError as error:
            raise Refused(str(error)) from None
