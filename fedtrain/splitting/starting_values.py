"""The learning rate and the rounds that a split writes: a small base model needs a higher rate and more steps than the
defaults (docs/choosing-rounds.md)."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from fedtrain.data.base_files import BaseFiles
from fedtrain.plurals import several

TINY = 50_000_000
"""Parameters below which a base model gets the values that were measured with the quickstart's 1.2 million."""
ENOUGH_STEPS = 200
"""Steps of a participant in the whole run after which a tiny base model has learned a few labels."""
FEWEST_ROUNDS = 5
MOST_ROUNDS = 20
BATCH_SIZE = 16
VALIDATION_FRACTION = 0.1


@dataclass(frozen=True)
class StartingValue:
    """`value`: as it is written in the file. `reason`: the comment beside it; empty for none."""

    value: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class StartingValues:
    learning_rate: StartingValue = StartingValue("2e-4", "for LoRA on most models; docs/choosing-rounds.md")
    rounds: StartingValue = StartingValue(str(FEWEST_ROUNDS))


def starting_values(base: BaseFiles | None, rows: Sequence[int]) -> StartingValues:
    """Return the values for the base model, which is None if its weights cannot be read, and for participants with so
    many rows."""
    parameters = sum(tensor.elements for tensor in base.tensors) if base is not None else 0
    if not 0 < parameters < TINY:
        return StartingValues()
    size = f"{parameters / 1e6:.1f} million parameters"
    return StartingValues(
        learning_rate=StartingValue("3e-3", f"the base model has only {size}; docs/choosing-rounds.md"),
        rounds=_rounds(rows),
    )


def _rounds(rows: Sequence[int]) -> StartingValue:
    """Return the rounds of one epoch in which an average participant takes enough steps."""
    training = sum(rows) / len(rows) * (1 - VALIDATION_FRACTION)
    steps = max(1, ceil(training / BATCH_SIZE))
    count = min(MOST_ROUNDS, max(FEWEST_ROUNDS, ceil(ENOUGH_STEPS / steps)))
    if count == FEWEST_ROUNDS:
        return StartingValue(str(count))
    return StartingValue(
        str(count), f"of about {several(steps, 'step')} each: a small base model needs many steps to learn"
    )
