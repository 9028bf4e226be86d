"""Clipping by the gradients of single rows beside ghost clipping, which computes their norms without them.

    python benchmarks/ghost_clipping.py            # a few seconds
    python benchmarks/ghost_clipping.py --smoke    # one repeat, for the test suite

For one linear layer with inputs a [rows, tokens, in] and gradients of its outputs g [rows, tokens, out]. Gradients of
rows: G = g^T a for each row, clipped and summed. Ghost clipping: the squared norm of G is the sum of (a a^T) * (g g^T)
over all pairs of tokens, then one product of clipped g with a. (Its second backward pass is not counted, which favours
it.) One core, medians. Ends with 1 if ghost clipping is faster for a matrix of LoRA: fedtrain does not have it.
"""

import argparse
import sys
import time
from collections.abc import Callable
from statistics import median

import torch

# rows, tokens, in, out
OF_LORA = ((32, 64, 8, 192), (8, 128, 16, 4096), (4, 512, 16, 4096))
"""The matrix B of an adapter: in is its rank."""
WHOLE = ((8, 64, 1024, 1024), (8, 32, 2048, 2048))
"""A whole matrix of the base model, which fedtrain does not train."""


def by_rows(inputs: torch.Tensor, gradients: torch.Tensor, bound: float) -> torch.Tensor:
    """Clip and sum the gradients of rows."""
    own = torch.bmm(gradients.transpose(1, 2), inputs)
    factors = (bound / own.flatten(1).norm(dim=1)).clamp(max=1.0)
    return torch.tensordot(factors, own, dims=1)


def by_norms(inputs: torch.Tensor, gradients: torch.Tensor, bound: float) -> torch.Tensor:
    """The same sum with ghost norms."""
    pairs = torch.bmm(inputs, inputs.transpose(1, 2)) * torch.bmm(gradients, gradients.transpose(1, 2))
    factors = (bound / pairs.flatten(1).sum(1).clamp(min=0).sqrt()).clamp(max=1.0)
    return (gradients * factors[:, None, None]).flatten(0, 1).T @ inputs.flatten(0, 1)


def milliseconds(clip: Callable[[], torch.Tensor], repeats: int) -> float:
    clip()
    found: list[float] = []
    for _ in range(repeats):
        started = time.perf_counter()
        clip()
        found.append(time.perf_counter() - started)
    return 1000 * median(found)


def ratio(size: tuple[int, int, int, int], repeats: int) -> float:
    """Print both times; the time of the gradients of rows over that of ghost clipping."""
    rows, tokens, width, out = size
    torch.manual_seed(1)
    inputs, gradients = torch.randn(rows, tokens, width), torch.randn(rows, tokens, out)
    assert torch.allclose(by_rows(inputs, gradients, 1.0), by_norms(inputs, gradients, 1.0), atol=1e-3)
    own = milliseconds(lambda: by_rows(inputs, gradients, 1.0), repeats)
    ghost = milliseconds(lambda: by_norms(inputs, gradients, 1.0), repeats)
    print(
        f"{rows} x {tokens}, {width} x {out}: gradients of rows {own:.2f} ms, ghost {ghost:.2f} ms: {own / ghost:.2f}"
    )
    return own / ghost


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="one repeat of the first size of each kind")
    smoke = parser.parse_args().smoke
    torch.set_num_threads(1)
    repeats, sizes = (1, 1) if smoke else (15, 3)
    print("rows x tokens, matrix. Of LoRA (target: at most 1):")
    lora = [ratio(size, repeats) for size in OF_LORA[:sizes]]
    print("Whole matrices, which are not trained:")
    for size in WHOLE[:sizes]:
        ratio(size, repeats)
    return 0 if smoke or max(lora) <= 1 else 1


if __name__ == "__main__":
    sys.exit(main())
