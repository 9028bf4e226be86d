"""Input and output of partitioning, as frozen data."""

from dataclasses import dataclass

from fedtrain.api.base import Toggle
from fedtrain.contracts.records import ModelFacts
from fedtrain.partitioning.mixing import MixedSet, left


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One participant. `population`: number of training samples, without the validation split. `start`: number of
    samples of its stream that earlier rounds have used. `processes`: number of GPUs, or of nodes if it trains on CPU.
    `gpu_memory`: free bytes per process, None if unknown. `micro_batch_size`: set by the user, None if omitted.
    `value_bytes`: bytes per weight or activation (2 in BF16 and FP16, 4 in FP32). `datasets`: the data sets of a mix,
    which together are `population` and `start`; empty for a single data set."""

    name: str
    population: int
    start: int = 0
    processes: int = 1
    gpu_memory: int | None = None
    micro_batch_size: int | None = None
    checkpointing: Toggle = "Auto"
    value_bytes: int = 2
    datasets: tuple[MixedSet, ...] = ()

    @property
    def left(self) -> int:
        """Samples until the pass over the data ends; with several data sets, until the first of them ends."""
        return left(self.datasets) if self.datasets else max(0, self.population - self.start)


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
class SetShare:
    """The part of a share in one data set of a mix: samples [start, start + samples) of its stream over `population`
    rows."""

    name: str
    population: int
    start: int
    samples: int

    @property
    def end(self) -> int:
        """Position of the stream after the round."""
        return self.start + self.samples


@dataclass(frozen=True, kw_only=True)
class Share:
    """A participant's share of a round: samples [start, start + samples) of its stream. With 0 samples, the participant
    sits out, and `reason` is set. `datasets`: with a mix, the parts in its data sets."""

    participant: str
    start: int
    samples: int
    reason: str | None = None
    datasets: tuple[SetShare, ...] = ()

    @property
    def end(self) -> int:
        """Position of the stream after the round."""
        return self.start + self.samples
