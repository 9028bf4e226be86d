"""The environment of trainers makes their bytes independent of the number of threads."""

import os
import subprocess
import sys

from fedtrain.manifests.compute import variables_of_threads

PRODUCT = """
import torch
torch.manual_seed(0)
inputs, gradients = torch.randn(2048, 8), torch.randn(2048, 512)
products = []
for threads in (1, 2):
    torch.set_num_threads(threads)
    products.append(gradients.T @ inputs)
print(torch.equal(*products))
"""
"""The gradient of a LoRA matrix: MKL splits its long sums by threads."""


def test_a_product_of_matrices_has_the_same_bytes_with_one_and_two_threads() -> None:
    environment = {**os.environ, **variables_of_threads(2)}
    done = subprocess.run([sys.executable, "-c", PRODUCT], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "True\n", done.stderr
