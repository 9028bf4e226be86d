"""How much memory round 0 needs for the adapter of a 70B model, beside the target.

    python benchmarks/initialise_memory.py            # the shapes of Llama 3 70B, rank 16 on all linear layers
    python benchmarks/initialise_memory.py --smoke    # 2 of its 80 layers, for the test suite

Writes the model's settings and the quickstart's tokenizer, and no weights, into a cache of the Hugging Face Hub, and
runs the task `Initialise` in a process of its own, as the hub's Job does. Prints the most memory that the process used
(VmHWM). Ends with 1 when the target is missed.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fedtrain.api.storage import File, Storage
from fedtrain.contracts import names
from fedtrain.contracts.records import Initial
from fedtrain.ledger.open import open_ledger

TOKENIZER = Path(__file__).parents[1] / "examples" / "quickstart" / "base"
BASE, REVISION = "example/llama-3-70b", "0" * 40
SETTINGS: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 8192,
    "intermediate_size": 28672,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "num_hidden_layers": 80,
    "max_position_embeddings": 8192,
    "vocab_size": 128256,
    "torch_dtype": "bfloat16",
}
SMOKE_LAYERS = 2
ADAPTERS, PROCESS_MB = 4, 1000
"""The target: the adapter as tensors, as their bytes, as a file's content and as the file that is hashed, and the
process with its libraries. The base model has no part in it."""
RUN = """
import atexit, sys
from pathlib import Path

from fedtrain_trainer.__main__ import main

code = main(["--assignment", sys.argv[1]])
print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
sys.exit(code)
"""


def measure(layers: int, folder: Path) -> tuple[Initial, int, float]:
    """What the task recorded, the adapter's bytes, and the process's memory in MB at most."""
    base = folder / "cache" / f"models--{BASE.replace('/', '--')}" / "snapshots" / REVISION
    base.mkdir(parents=True)
    (base / "config.json").write_text(json.dumps(SETTINGS | {"num_hidden_layers": layers}))
    for file in TOKENIZER.glob("tokenizer*"):
        shutil.copy(file, base)
    storage = Storage(type="File", file=File(path=str(folder / "runs")))
    assignment = folder / "assignment.json"
    assignment.write_text(json.dumps(_assignment(storage)))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(folder / "cache")}
    done = subprocess.run([sys.executable, "-c", RUN, assignment], env=environment, stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stdout
    ledger = open_ledger(storage, "default", "large")
    initial = ledger.read(names.initial(), Initial)
    assert initial is not None
    size = ledger.store.open(ledger.key(names.blob(initial.adapter))).size
    return initial, size, int(done.stdout.split()[-1]) * 1024 / 1e6


def _assignment(storage: Storage) -> dict[str, Any]:
    task = {
        "contractVersion": 1,
        "namespace": "default",
        "name": "large",
        "runId": "r1",
        "round": 0,
        "attempt": 1,
        "model": {"base": BASE, "revision": REVISION, "adapter": {"rank": 16}},
        "data": {"dataset": "rows", "format": "PromptCompletion"},
        "training": {"length": {"type": "Steps", "steps": 1}},
        "work": {"type": "Initialise", "seed": 17},
    }
    places = {"ledger": storage.model_dump(by_alias=True), "base": {"name": "base"}}
    return {"task": task, "binding": {"places": places}}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="2 layers: shows that it runs")
    smoke: bool = parser.parse_args().smoke
    layers: int = SMOKE_LAYERS if smoke else SETTINGS["num_hidden_layers"]
    with TemporaryDirectory() as folder:
        initial, size, memory = measure(layers, Path(folder))
    parameters = initial.facts.base_parameters
    target = ADAPTERS * size / 1e6 + PROCESS_MB
    print(
        f"base model: {parameters / 1e9:.1f} billion parameters, {2 * parameters / 1e9:.0f} GB in bfloat16, not loaded"
    )
    print(f"adapter: {initial.facts.adapter_parameters / 1e6:.0f} million parameters, {size / 1e6:.0f} MB")
    print(f"memory, at most: {memory:.0f} MB (target: {ADAPTERS} adapters and {PROCESS_MB} MB, {target:.0f} MB)")
    return 0 if smoke or memory <= target else 1


if __name__ == "__main__":
    sys.exit(main())
