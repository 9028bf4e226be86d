"""What a job was rendered from, noted on it: one that waits is made anew once its owner has changed that."""

import json

from fedtrain.contracts.digests import digest_bytes
from fedtrain_operator.shared.kinds import Json
from fedtrain_operator.shared.labels import PREFIX

RENDERED = f"{PREFIX}/rendered"


def marked(job: Json, source: Json) -> Json:
    """The job with the note."""
    return job | {"metadata": job["metadata"] | {"annotations": {RENDERED: _digest(source)}}}


def outdated(job: Json, source: Json) -> bool:
    """Whether a job that is there was rendered from something else."""
    return (job["metadata"].get("annotations") or {}).get(RENDERED, "") != _digest(source)


def _digest(source: Json) -> str:
    return digest_bytes(json.dumps(source, sort_keys=True).encode())
