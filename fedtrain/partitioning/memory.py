"""GPU memory of LoRA training: M(b) = W + 16 P + context + b s a bytes for a micro-batch of b samples.

    W   the base model's weights: parameters times 2 bytes (4 in FP32)
    P   the adapter's parameters: fp32 master weight, gradient and Adam's two moments, 4 bytes each
    s   tokens of a sample (`data.maxLength`)
    a   activation bytes per token, with hidden size h, L layers, vocabulary V:
            c h L + v V              without gradient checkpointing
            2 h L + c h + v V        with it: one input per layer is kept; one layer is recomputed at a time

c was measured on CPU in BF16 with scaled-dot-product attention: 37.7 with adapters on the attention inputs only,
65.0 with adapters on all linear layers. v measured 3 to 4.3 (6.1 with checkpointing); 10 leaves room for the transient
fp32 gradient of the logits. In FP32, activations take twice as much. `CONTEXT` is an allowance for the CUDA context and
the workspaces of its libraries. The model is not calibrated on a GPU; the trainer starts its probe from it.

Worked example: 135M parameters, h = 576, L = 30, V = 49152, P = 4.9M, all linear layers, s = 512, no checkpointing:
a = 65 * 576 * 30 + 10 * 49152 = 1,614,720; a sample takes 827 MB, so 0.9 * 40 GiB hold 45 of them.
"""

from dataclasses import dataclass

from fedtrain.api.base import Toggle
from fedtrain.contracts.records import ModelFacts

CONTEXT = 2**30
USABLE_PERCENT = 90
STATE_BYTES = 16

_TENTHS = {"attention": 377, "all": 650, "kept": 20, "logits": 100}
"""The constants above, in tenths of a byte in BF16, so that all arithmetic is exact."""


@dataclass(frozen=True, kw_only=True)
class MemoryModel:
    """Memory model of one participant. Integer arithmetic; all results are bytes or samples."""

    facts: ModelFacts
    max_length: int
    attention_only: bool
    checkpointing: bool
    value_bytes: int = 2

    @property
    def fixed(self) -> int:
        """Bytes that do not depend on the micro-batch: W + 16 P + context."""
        return self.facts.base_parameters * self.value_bytes + STATE_BYTES * self.facts.adapter_parameters + CONTEXT

    @property
    def per_sample(self) -> int:
        """Bytes per sample in the micro-batch: s a."""
        hidden, layers = self.facts.hidden_size, self.facts.layers
        layer = _TENTHS["attention" if self.attention_only else "all"] * hidden
        body = _TENTHS["kept"] * hidden * layers + layer if self.checkpointing else layer * layers
        tenths = self.max_length * (body + _TENTHS["logits"] * self.facts.vocabulary)
        return tenths * self.value_bytes // (2 * 10)

    def needed(self, micro_batch_size: int) -> int:
        """M(b): bytes for a micro-batch of `micro_batch_size` samples."""
        return self.fixed + micro_batch_size * self.per_sample

    def max_batch(self, free: int) -> int:
        """Return the largest micro-batch with M(b) within 90% of `free` bytes; 0 if one sample does not fit."""
        return max(0, (free * USABLE_PERCENT // 100 - self.fixed) // max(1, self.per_sample))


def max_batch(
    facts: ModelFacts,
    free: int,
    *,
    max_length: int,
    attention_only: bool = False,
    checkpointing: Toggle = "Auto",
    value_bytes: int = 2,
) -> int:
    """Return the largest micro-batch that fits into `free` bytes of one GPU; 0 if none fits. `Auto` is computed as
    `Disabled`, except that it is 1 if one sample fits only with checkpointing: more memory never gives a smaller
    batch."""

    def largest(enabled: bool) -> int:
        return MemoryModel(
            facts=facts,
            max_length=max_length,
            attention_only=attention_only,
            checkpointing=enabled,
            value_bytes=value_bytes,
        ).max_batch(free)

    if checkpointing == "Auto":
        return max(largest(False), min(1, largest(True)))
    return largest(checkpointing == "Enabled")
