"""The learning rate that a split writes for a base model: small models need a higher one (docs/choosing-rounds.md)."""

from dataclasses import dataclass

from fedtrain.data.base_files import BaseFiles

TINY = 50_000_000
"""Parameters below which a base model gets the rate that was measured with the quickstart's 1.2 million."""


@dataclass(frozen=True)
class LearningRate:
    """`value`: as it is written in the file. `reason`: the comment beside it."""

    value: str
    reason: str


DEFAULT = LearningRate("2e-4", "for LoRA on most models; docs/choosing-rounds.md")


def learning_rate(base: BaseFiles | None) -> LearningRate:
    """Return the rate for the base model; the default if it is None or its weights cannot be read."""
    parameters = sum(tensor.elements for tensor in base.tensors) if base is not None else 0
    if not 0 < parameters < TINY:
        return DEFAULT
    size = f"{parameters / 1e6:.1f} million parameters"
    return LearningRate("3e-3", f"the base model has only {size}; docs/choosing-rounds.md")
