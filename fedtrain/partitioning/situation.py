"""What partitioning is decided from, and what it decides: frozen data in and out."""

from dataclasses import dataclass
from fractions import Fraction

from fedtrain.api.base import Toggle
from fedtrain.contracts.records import ModelFacts


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One participant. `population`: its training samples, validation split held out. `start`: how many samples of
    its stream earlier rounds have used. `processes`: its GPUs, or its nodes where it trains on CPU. `gpu_memory`:
    free bytes for each process, None when nobody has said. `micro_batch_size`: the user's, None if left out.
    `value_bytes`: bytes of one weight or activation (2 in BF16 and FP16, 4 in FP32)."""

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
    """Everyone who can take part, in the order of the file; `rounds` is the horizon. `facts` is None where the base
    model has not been seen yet. `attention_only`: the adapters sit on attention inputs alone."""

    candidates: tuple[Candidate, ...]
    rounds: int
    max_length: int
    facts: ModelFacts | None = None
    attention_only: bool = False


@dataclass(frozen=True)
class Want:
    """How many samples a strategy wants of a participant in a round; 0 has a reason."""

    samples: int
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Share:
    """A participant's part in a round: samples [start, start + samples) of its stream. With 0 samples it sits the
    round out, for `reason`."""

    participant: str
    start: int
    samples: int
    reason: str | None = None

    @property
    def end(self) -> int:
        """Where the stream stands after the round."""
        return self.start + self.samples


def exact(number: float) -> Fraction:
    """The decimal number that was written: 0.1 is 1/10, so that floors and ceilings are the ones one expects."""
    return Fraction(str(number))
