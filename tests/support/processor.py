"""What the bits of a trained adapter depend on, besides the run."""

from pathlib import Path

import torch


def processor() -> str:
    """Return the torch version, the instruction set that it uses, and the processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    return f"{torch.__version__} {torch.backends.cpu.get_cpu_capability()} {model}"
