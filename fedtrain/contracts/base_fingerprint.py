"""Fingerprint of a base model, as round 0 records it and as tasks carry it."""

from fedtrain.api.base import Block
from fedtrain.contracts.record_fields import Digest


class BaseFingerprint(Block):
    """Digests of the parts of a base model (`fedtrain.data.base_fingerprint`). None: not recorded, so not compared. A
    digest that is computed in another way gets another name, since versions compare what both know."""

    settings: Digest | None = None
    tokenizer: Digest | None = None
    weights: Digest | None = None
