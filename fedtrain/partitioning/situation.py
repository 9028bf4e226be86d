"""Input and output of partitioning, as frozen data."""

from dataclasses import dataclass
from fractions import Fraction

from fedtrain.api.base import Toggle
from fedtrain.contracts.records import ModelFacts


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One participant. `population`: number of training samples, without the validation split. `start`: number of
    samples of its stream that earlier rounds have used. `processes`: number of GPUs, or of nodes if it trains on CPU.
    `gpu_memory`: free bytes per process, None if unknown. `micro_batch_size`: set by the user, None if omitted.
    `value_bytes`: bytes per weight or activation (2 in BF16 and FP16, 4 in FP32)."""

    name: str
    population: int
    start: int = 0
    processes: int = 1
    gpu_memory: int | None = None
    micro_batch_size: int | None = None
    checkpointing: Toggle = "Auto"
    value_bytes: int = 2


@dataclass(frozen=True, kw_only=True)
class Situation:
    """All participants that can take part, in the order of the spec. `rounds`: number of rounds of the run. `facts`:
    None if the sizes of the base model are unknown. `attention_only`: only attention inputs have adapters."""

    candidates: tuple[Candidate, ...]
    rounds: int
    max_length: int
    facts: ModelFacts | None = None
    attention_only: bool = False


@dataclass(frozen=True)
class Want:
    """Number of samples that a strategy requests from a participant in a round. 0 samples need a reason."""

    samples: int
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Share:
    """A participant's share of a round: samples [start, start + samples) of its stream. With 0 samples, the participant
    sits out, and `reason` is set."""

    participant: str
    start: int
    samples: int
    reason: str | None = None

    @property
    def end(self) -> int:
        """Position of the stream after the round."""
        return self.start + self.samples


def exact(number: float) -> Fraction:
    """Return the decimal number as the user wrote it: 0.1 is exactly 1/10, so that floors and ceilings are exact."""
    return Fraction(str(number))
