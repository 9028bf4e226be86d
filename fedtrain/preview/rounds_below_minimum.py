"""Warns of rounds with fewer participants than `rounds.minParticipants`, as when their data runs out; refuses a run in
which no round has them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.reading.errors import FieldError
from fedtrain.api.reading.federation import Federation
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.plurals import several
from fedtrain.preview.small_data_warnings import listed_some

if TYPE_CHECKING:
    from fedtrain.preview.run_preview import RoundPreview  # imports numpy, which takes a while


def data_can_run_out(spec: FederatedTrainingSpec) -> bool:
    """Whether a participant sits out after its last row. DataVolumeAndGPUMemory divides the rows by the rounds."""
    return spec.partitioning.on_exhausted != "Wrap" and spec.partitioning.strategy != "DataVolumeAndGPUMemory"


def rounds_without_data(spec: FederatedTrainingSpec, preflights: Mapping[str, Preflight]) -> Iterator[str]:
    """Yield the warning if data runs out. `preflights`: of all participants."""
    if data_can_run_out(spec):
        from fedtrain.preview.playing import play

        yield from rounds_below_minimum(spec, play(spec, preflights, None)[0])


def rounds_not_trained(
    federation: Federation, preflights: Mapping[str, Preflight] | None = None
) -> Iterator[FieldError]:
    """Yield the error if the data allows no round at all; nothing if rows are not on this machine. `preflights`: of all
    participants, if their rows were counted before."""
    spec = federation.training.spec
    if not data_can_run_out(spec):
        return
    from fedtrain.preview.playing import play
    from fedtrain.preview.rounds_preview import preflights_of_data

    if (known := preflights or preflights_of_data(federation)) is None:
        return
    rounds = play(spec, known, None)[0]
    short = [round.round for round in rounds if _trained(round) < spec.minimum]
    if not short or (short[0] > 1 if spec.rounds.below_minimum == "Fail" else len(short) < len(rounds)):
        return
    choice, counts = spec.partitioning.on_exhausted, {who: one.samples for who, one in known.items()}
    idle = [f"{who} ({several(counts[who], 'training row')})" for who in _idle(rounds[0])]
    yield federation.error_at(
        ("spec", "partitioning", *(("fixedSize", "samples") if spec.partitioning.strategy == "FixedSize" else ())),
        f"No round can be trained: in round 1, {_trained(rounds[0])} of {several(len(counts), 'participant')} have "
        f"enough rows (onExhausted: {choice}), and rounds.minParticipants is {spec.minimum}. Without enough: "
        f"{listed_some(idle)}.",
        _fix(spec, sorted(counts.values(), reverse=True)[spec.minimum - 1]),
    )


def _trained(round: "RoundPreview") -> int:
    return sum(part.samples > 0 for part in round.parts)


def _idle(round: "RoundPreview") -> list[str]:
    return [part.participant for part in round.parts if not part.samples]


def _fix(spec: FederatedTrainingSpec, enough: int) -> str:
    """`enough`: rows that the least number of participants have."""
    if spec.partitioning.strategy == "FixedSize" and enough:
        return f"Set `samples: {enough}`{' or less' if enough > 1 else ''}, or `onExhausted: Wrap`."
    return "Set `onExhausted: Wrap`, or use `strategy: Percentage`."


def rounds_below_minimum(spec: FederatedTrainingSpec, rounds: Sequence["RoundPreview"]) -> Iterator[str]:
    """Yield one warning about all these rounds."""
    short = [round.round for round in rounds if _trained(round) < spec.minimum]
    if short:
        then = "the run fails there" if spec.rounds.below_minimum == "Fail" else "they are skipped"
        yield (
            f"In {len(short)} of {several(len(rounds), 'round')}, from round {short[0]}, fewer participants train than "
            f"rounds.minParticipants ({spec.minimum}): {then}."
        )
