"""LoRA adapters as files: safetensors in PEFT's names, deltas, digests."""
