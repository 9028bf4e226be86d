"""The base of all wire models."""

from pydantic import ConfigDict

from fedtrain.api.base import Block


class Wire(Block):
    """A block of the wire format: immutable, camelCase, unknown fields ignored. Enumerations are plain text here; the
    conversion to the receiver's own model checks their values."""

    model_config = ConfigDict(**(Block.model_config | {"extra": "ignore"}))
