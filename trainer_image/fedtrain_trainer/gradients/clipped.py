"""The sum of clipped gradients of rows (Abadi et al. 2016, "Deep Learning with Differential Privacy", Algorithm 1)."""

from collections.abc import Mapping

import torch

from fedtrain_trainer.gradients.row_batches import RowBatch

MARGIN = 1e-5
"""Rounding in fp32 must not lift a clipped gradient above the bound."""


def by_row(gradients: Mapping[str, torch.Tensor], rows: RowBatch) -> dict[str, torch.Tensor]:
    """Return the gradients [rows, ...] in fp32 from those of the examples."""
    if rows.one_each:
        return {name: one.float() for name, one in gradients.items()}
    found: dict[str, torch.Tensor] = {}
    for name, one in gradients.items():
        total = torch.zeros((rows.rows, *one.shape[1:]), device=one.device)
        found[name] = total.index_add_(0, rows.owners, one.float())
    return found


def row_norms(gradients: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return the L2 norm of each row's gradient over all weights, fp64[rows]. In fp32, the sum of millions of squares
    is off by more than MARGIN."""
    norms = [torch.linalg.vector_norm(one.flatten(1), dim=1, dtype=torch.float64) for one in gradients.values()]
    return torch.linalg.vector_norm(torch.stack(norms), dim=0)


def add_clipped(gradients: Mapping[str, torch.Tensor], bound: float, total: Mapping[str, torch.Tensor]) -> None:
    """Add the gradients [rows, ...], each clipped to `bound`, to `total`. A row whose gradient is not finite
    contributes nothing: a refusal would reveal it."""
    norms = row_norms(gradients)
    finite = torch.isfinite(norms)
    factors = torch.where(finite, (bound * (1 - MARGIN) / norms).clamp(max=1.0), torch.zeros_like(norms)).float()
    for name, one in gradients.items():
        flat = one.flatten(1)
        if not bool(finite.all()):
            flat = torch.where(finite[:, None], flat, torch.zeros_like(flat))
        total[name].add_((factors @ flat).view_as(total[name]))
