"""The number format that a task computes in. What is trained is fp32 always."""

import os
from contextlib import AbstractContextManager, nullcontext

import torch

from fedtrain.api.training import Precision
from fedtrain_trainer.outcome import Refused

_DTYPES = {"BF16": torch.bfloat16, "FP16": torch.float16, "FP32": torch.float32}


def chosen(precision: Precision, device: torch.device) -> torch.dtype:
    """The format of the frozen base and of the computation. Auto: BF16 on GPUs that have it, else FP32."""
    if precision == "Auto":
        has_bf16 = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if has_bf16 else torch.float32
    if precision == "FP16" and device.type != "cuda":
        raise Refused(
            "training.precision FP16 needs a GPU, and there is none here; set `training.precision` to `Auto`, "
            "`BF16` or `FP32`"
        )
    return _DTYPES[precision]


def computing(dtype: torch.dtype, device: torch.device) -> AbstractContextManager[object]:
    return nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype=dtype)


def device_here() -> torch.device:
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")


def deterministic() -> None:
    """Every kernel the same way each time, where there is one that is."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS may choose kernels by stream
    torch.use_deterministic_algorithms(True, warn_only=True)
    # on by default, it fills every new tensor, which is slow and read by nothing
    torch.utils.deterministic.fill_uninitialized_memory = False  # pyright: ignore[reportAttributeAccessIssue]
    torch.backends.cudnn.benchmark = False
