"""Check at the start of a round that the gradients of single rows are right: noise is calibrated to their clipped
norms, and hooks that miss or mix up rows fail in silence.

The rows of the check are made up: whether it passes says nothing about a row of the participant."""

import torch

from fedtrain_trainer.examples import Example
from fedtrain_trainer.flat import FlatWeights
from fedtrain_trainer.gradients.clipped import by_row
from fedtrain_trainer.gradients.estimator import Rows
from fedtrain_trainer.gradients.per_sample import PerSampleGradients
from fedtrain_trainer.gradients.row_batches import row_batch, row_losses
from fedtrain_trainer.lora import AdaptedModel
from fedtrain_trainer.outcome import Refused

_LENGTHS = ((12,), (7,), (9, 5))
"""Tokens of the examples of each row: rows of several lengths, and one of two examples."""
_LEARNED = 3
"""Last tokens of an example that are learned."""
PERTURBATION = 0.02
"""Standard deviation of what is added to the weights meanwhile: while LoRA's B is zero, A has no gradient to check."""
TOLERANCES = {torch.float32: 1e-3, torch.bfloat16: 0.1}


def check_per_sample_gradients(model: AdaptedModel, flat: FlatWeights, dtype: torch.dtype) -> None:
    """Compare the gradients of a few rows in one batch with those of the same rows alone, without hooks. Raises Refused
    if they differ. Leaves the weights unchanged, no gradient, and the model in training mode."""
    weights = flat.weights.data.clone()
    generator = torch.Generator().manual_seed(0)
    checked = _made_up_rows(model, generator)
    flat.weights.data.add_(torch.randn(weights.shape, generator=generator).to(weights.device), alpha=PERTURBATION)
    model.module.eval()  # dropout would differ
    try:
        alone: list[torch.Tensor] = []
        for row in checked:
            flat.clear()
            row_losses(model, row_batch([row], model.device), dtype).backward()
            alone.append(flat.gradient[: flat.count].clone())
        with PerSampleGradients(model) as per_sample:
            batch = row_batch(checked, model.device)
            together = by_row(per_sample.of(row_losses(model, batch, dtype)), batch)
    finally:
        flat.weights.data.copy_(weights)
        flat.clear()
        model.module.train()
    for number, expected in enumerate(alone):
        found = torch.cat([one[number].flatten() for one in together.values()])
        difference = torch.linalg.vector_norm(found - expected)
        if not bool(difference <= TOLERANCES[dtype] * torch.linalg.vector_norm(expected)):  # also if not finite
            raise Refused(
                "the gradients of single rows in a batch are not those of the rows alone, so privacy.unit: Example "
                "cannot clip them. Train another base model, or use `privacy.unit: Participant`"
            )


def _made_up_rows(model: AdaptedModel, generator: torch.Generator) -> Rows:
    """Return rows of random tokens."""
    tokens = model.module.get_input_embeddings().weight.shape[0]

    def example(length: int) -> Example:
        ids = torch.randint(tokens, (length,), generator=generator).tolist()
        return Example(ids, list(range(length - _LEARNED, length)))

    return [[example(length) for length in row] for row in _LENGTHS]
