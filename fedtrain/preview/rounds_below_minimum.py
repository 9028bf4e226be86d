"""Warns of rounds with fewer participants than `rounds.minParticipants`, as when their data runs out; refuses a run in
which no round has them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Played:
    """The rounds of a run in which data can run out. `rows`: number of training rows of each participant."""

    rows: Mapping[str, int]
    rounds: tuple["RoundPreview", ...]


def played(spec: FederatedTrainingSpec, preflights: Mapping[str, Preflight]) -> Played | None:
    """Play the rounds; None if no data can run out. `preflights`: of all participants."""
    if not data_can_run_out(spec):
        return None
    from fedtrain.preview.playing import play

    return Played({who: one.samples for who, one in preflights.items()}, play(spec, preflights, None)[0])


def played_with_data(federation: Federation) -> Played | None:
    """Count the rows and play the rounds; None if no data can run out, and if rows are not on this machine."""
    if not data_can_run_out(federation.training.spec):
        return None
    from fedtrain.preview.rounds_preview import preflights_of_data

    preflights = preflights_of_data(federation)
    return played(federation.training.spec, preflights) if preflights is not None else None


def rounds_not_trained(federation: Federation, found: Played | None) -> Iterator[FieldError]:
    """Yield the error if the data allows no round at all."""
    if found is None:
        return
    spec, rounds, counts = federation.training.spec, found.rounds, found.rows
    short = [round.round for round in rounds if _trained(round) < spec.minimum]
    if not short or (short[0] > 1 if spec.rounds.below_minimum == "Fail" else len(short) < len(rounds)):
        return
    choice = spec.partitioning.on_exhausted
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
