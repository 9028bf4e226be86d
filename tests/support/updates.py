"""Records of updates."""

from typing import Any

from fedtrain.contracts.untrusted_records import Update
from tests.support.tasks import DIGEST, RUN_ID


def an_update(**fields: Any) -> Update:
    """Return the record of a small update. `fields` replace those of bank-a's first attempt in round 1."""
    plain: dict[str, Any] = {
        "run_id": RUN_ID,
        "round": 1,
        "participant": "bank-a",
        "attempt": 1,
        "file": "update.safetensors",
        "digest": DIGEST,
        "size": 1,
        "samples": 1,
        "distinct": 1,
        "steps": 1,
        "tokens": 1,
        "train_loss": 1.0,
    }
    return Update.model_validate(plain | fields)
