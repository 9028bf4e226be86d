"""Warns of rounds with fewer participants than `rounds.minParticipants`, as when their data runs out."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts.records import Preflight
from fedtrain.plurals import several

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


def rounds_below_minimum(spec: FederatedTrainingSpec, rounds: Sequence["RoundPreview"]) -> Iterator[str]:
    """Yield one warning about all these rounds."""
    short = [round.round for round in rounds if sum(part.samples > 0 for part in round.parts) < spec.minimum]
    if short:
        then = "the run fails there" if spec.rounds.below_minimum == "Fail" else "they are skipped"
        yield (
            f"In {len(short)} of {several(len(rounds), 'round')}, from round {short[0]}, fewer participants train than "
            f"rounds.minParticipants ({spec.minimum}): {then}."
        )
