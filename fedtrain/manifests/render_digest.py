"""What a job was rendered from, noted on it: one that waits is recreated when its owner changes that."""

import json

from fedtrain.contracts.digests import digest_bytes
from fedtrain.manifests.kinds import Json
from fedtrain.manifests.labels import PREFIX

RENDERED = f"{PREFIX}/rendered"


def marked(job: Json, source: Json) -> Json:
    """The job with the note."""
    annotations = {**job["metadata"].get("annotations", {}), RENDERED: mark(source)}
    return job | {"metadata": job["metadata"] | {"annotations": annotations}}


def mark_of(job: Json) -> str:
    """Empty where there is no note."""
    annotations: dict[str, str] = job["metadata"].get("annotations") or {}
    return annotations.get(RENDERED, "")


def mark(source: Json) -> str:
    return digest_bytes(json.dumps(source, sort_keys=True).encode())
