"""Reading and writing of LoRA adapters as safetensors files."""
