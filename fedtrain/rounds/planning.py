"""Planning a round: who takes part, and on which samples of its stream.

The plan names every participant once, as a member or as absent with the reason. Unreachable participants are left out
if enough others remain; else all are planned, and the deadline decides. The plan is written even when it has fewer
members than the round needs: the training stage then fails or skips the round, the one place that does.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from blake3 import blake3

from fedtrain.contracts import names
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.privacy_blocks import ExampleNoise
from fedtrain.contracts.records import Absent, DatasetSlice, Manifest, Plan, PlanMember
from fedtrain.partitioning import Positions, Share, distinct_rows, partition, positions_of, situation
from fedtrain.rounds.barred_participants import Barred
from fedtrain.rounds.decision import Claim, Decision
from fedtrain.rounds.example_privacy import planned_noises
from fedtrain.rounds.preflight import why_uncounted
from fedtrain.rounds.privacy_state import round_privacy
from fedtrain.rounds.snapshot import Snapshot
from fedtrain.rounds.unreachable import unreachable


def plan(snapshot: Snapshot, manifest: Manifest) -> Decision:
    """Claims the plan of the round after `manifest`. Raises AccountingError."""
    spec, ledger = snapshot.spec, snapshot.ledger
    round = ledger.current.round
    positions = positions_of(ledger.last_plan)
    shares = _shares(snapshot, positions, left_out=unreachable(snapshot))
    if sum(share.samples > 0 for share in shares) < spec.minimum:
        shares = _shares(snapshot, positions)
    after = positions.after(shares)
    noises = _example_noises(snapshot, shares)
    barred = {who: str(noise) for who, noise in noises.items() if isinstance(noise, Barred)}
    planned = Plan(
        run_id=ledger.run.run_id,
        round=round,
        previous=digest_of(manifest),
        members=tuple(
            _member(snapshot, share, noises.get(share.participant))
            for share in shares
            if share.samples > 0 and share.participant not in barred
        ),
        absent=_absent(snapshot, {share.participant: share for share in shares}, barred),
        preflights=tuple(ledger.preflights[p.name] for p in spec.participants if p.name in ledger.preflights),
        progress_start=(round - 1) / spec.rounds.count,
        progress_end=round / spec.rounds.count,
        positions={p.name: after.of(p.name) for p in spec.participants},
        dataset_positions=after.datasets if spec.data.datasets is not None else None,
        privacy=round_privacy(snapshot),
    )
    return Decision("Planning", round=round, actions=(Claim(names.plan(round), planned),))


def _shares(snapshot: Snapshot, positions: Positions, left_out: Collection[str] = ()) -> Sequence[Share]:
    """The shares of all participants that have counted their data, but those `left_out`."""
    spec, ledger = snapshot.spec, snapshot.ledger
    counted = {who: preflight for who, preflight in ledger.preflights.items() if who not in left_out}
    facts = ledger.initial.facts if ledger.initial else None
    return partition(spec.partitioning, situation(spec, preflights=counted, positions=positions, facts=facts))


def member_seed(seed: int, round: int, participant: str) -> int:
    """The 32-bit seed of a participant's training in a round: the first 4 bytes, little-endian, of BLAKE3 over
    `fedtrain/training/1`, the run's seed, the round and the participant, separated by slashes."""
    message = f"fedtrain/training/1/{seed}/{round}/{participant}"
    return int.from_bytes(blake3(message.encode()).digest(length=4), "little")


def _example_noises(snapshot: Snapshot, shares: Iterable[Share]) -> dict[str, ExampleNoise | Barred]:
    """With `privacy.unit: Example`, the noise of each participant that has samples, or why it cannot take part."""
    if snapshot.spec.example_privacy is None:
        return {}
    rows = {share.participant: snapshot.ledger.preflights[share.participant].samples for share in shares}
    return planned_noises(snapshot, rows)


def _member(snapshot: Snapshot, share: Share, noise: ExampleNoise | Barred | None) -> PlanMember:
    seed, who = snapshot.spec.training.seed, share.participant
    population = snapshot.ledger.preflights[who].samples
    return PlanMember(
        participant=who,
        start=share.start,
        samples=share.samples,
        distinct=distinct_rows(share, population, seed),
        seed=member_seed(seed, snapshot.ledger.current.round, who),
        example_noise=noise if isinstance(noise, ExampleNoise) else None,
        datasets=_slices(share),
    )


def _slices(share: Share) -> tuple[DatasetSlice, ...] | None:
    parts = (DatasetSlice(name=part.name, start=part.start, samples=part.samples) for part in share.datasets)
    return tuple(parts) if share.datasets else None


def _absent(snapshot: Snapshot, shares: Mapping[str, Share], barred: Mapping[str, str]) -> tuple[Absent, ...]:
    """Those without a share of the round, in the file's order."""
    absent: list[Absent] = []
    unreached = unreachable(snapshot)
    for participant in snapshot.spec.participants:
        share = shares.get(participant.name)
        if share is None and participant.name in snapshot.ledger.preflights:
            absent.append(unreached[participant.name])
        elif share is None:
            reason = why_uncounted(snapshot, participant.name) or "it has not counted its data yet"
            code = unreached[participant.name].code if participant.name in unreached else None
            absent.append(Absent(participant=participant.name, reason=reason, code=code))
        elif participant.name in barred:
            reason = barred[participant.name]
            absent.append(Absent(participant=participant.name, reason=reason, code="BudgetExhausted"))
        elif share.samples == 0:
            absent.append(Absent(participant=participant.name, reason=share.reason or "it has no samples to train on"))
    return tuple(absent)
