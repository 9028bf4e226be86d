"""An undisturbed run gives the digests that were recorded on 2026-11-28, before the code was rearranged.

The initial adapter comes from a seed and is the same everywhere. Trained adapters depend on the kernels that torch
picks for a processor, so they are compared only where `recorded_digests.json` has the same torch and processor.
"""

import json
from pathlib import Path

import pytest
import torch
from federation import Small

RECORDED = json.loads(Path(__file__).with_name("recorded_digests.json").read_text())


def test_the_initial_adapter_has_the_recorded_digest(undisturbed: Small) -> None:
    assert undisturbed.digests()[0] == (RECORDED["initial"], None, "Initial")


def test_the_trained_adapters_have_the_recorded_digests(undisturbed: Small) -> None:
    here = machine()
    if here not in RECORDED["rounds"]:
        pytest.skip(f"nothing is recorded for {here}")
    assert undisturbed.digests()[1:] == [tuple(one) for one in RECORDED["rounds"][here]]


def machine() -> str:
    """The torch version, the instruction set that it uses, and the processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    processor = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    return f"{torch.__version__} {torch.backends.cpu.get_cpu_capability()} {processor}"
