"""The `resources` of a Kubernetes container, written as `compute`."""

from typing import Any

from fedtrain.api.participants import Compute
from fedtrain.api.reading.flow_style import Literal
from fedtrain.api.reading.formatting import is_map
from fedtrain.api.shapes import fields_of

_GPU = "nvidia.com/gpu"


def as_compute(resources: Any) -> dict[str, Any]:
    """Return the fields of `compute` that requests and limits mean; the limit counts where both are set."""
    found: dict[str, Any] = {}
    for kind in ("requests", "limits"):
        amounts = resources.get(kind) if is_map(resources) else None
        for name, amount in (amounts if is_map(amounts) else {}).items():
            if "gpu" in name:
                found["gpusPerNode"] = Literal(amount)
                if name != _GPU:
                    found["gpuResource"] = name
            elif name in fields_of(Compute):
                found[name] = str(amount)
    return found
