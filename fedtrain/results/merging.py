"""Merges an adapter into its base model. The only file in `fedtrain` that imports torch, transformers and peft."""

# pyright: basic
# (transformers types little of what it returns)

from pathlib import Path

from fedtrain.adapters.quiet import quiet
from fedtrain.ledger.store import StoreError


def merge(base: str, revision: str | None, adapter: Path, target: Path) -> None:
    """Write the merged model, in the base's dtype, and the base's tokenizer to `target`. Raises StoreError naming the
    base if it cannot be loaded or the adapter does not fit it."""
    try:
        from peft import PeftModel
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise StoreError(f"--merged needs the extra `trainer`: install `fedtrain[trainer]` ({error}).") from error

    quiet()
    if base.startswith("s3://"):
        raise StoreError(
            f"The base model {base} is in a bucket. Copy it to a folder (`aws s3 cp --recursive {base} base`) and name "
            "it with --base."
        )
    if not Path(base).is_dir() and (revision is None or base.startswith((".", "/", "~"))):
        raise StoreError(f"The folder {base} with the base model does not exist. Name it with --base.")
    wanted = {} if Path(base).is_dir() else {"revision": revision}
    try:
        model = AutoModelForCausalLM.from_pretrained(base, dtype="auto", **wanted)
        tokenizer = AutoTokenizer.from_pretrained(base, **wanted)
        merged = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise StoreError(
            f"The adapter cannot be merged into {base}: {reason} Check that it is the base model of this run."
        ) from error
    merged.save_pretrained(target)
    tokenizer.save_pretrained(target)
