"""The outcome as the participant's controller reads it, in a container's termination message. Pure."""

import json
from collections.abc import Sequence

from fedtrain_trainer.outcome import Outcome

LONGEST_REASON = 1000
MOST_BYTES = 4000
"""Kubernetes keeps 4096 bytes of a termination message, and half of a JSON is none."""


def outcome_json(outcome: Outcome, log: Sequence[str] = ()) -> str:
    """Return JSON of at most MOST_BYTES, with as many of the last lines of the log as fit."""
    content: dict[str, object] = {"code": outcome.code, "reason": outcome.reason[:LONGEST_REASON]}
    more = {
        "seconds": outcome.seconds,
        "sent": [one.model_dump(by_alias=True, exclude_none=True) for one in outcome.sent],
        "log": list(log),
    }
    text = _json(content)
    for name, value in more.items():
        while isinstance(value, list) and value and len(_json({**content, name: value})) > MOST_BYTES:
            value = value[1:]
        if len(added := _json({**content, name: value})) <= MOST_BYTES:
            content, text = {**content, name: value}, added
    return text


def _json(content: object) -> str:
    """ASCII, so that characters are bytes."""
    return json.dumps(content)
