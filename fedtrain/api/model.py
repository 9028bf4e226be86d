"""`spec.model`: the base model and the LoRA adapter that is trained on it."""

from typing import Annotated, Literal

from pydantic import Field

from fedtrain.api.base import Block, Count, Fraction, PositiveFloat, Text

Digest = Annotated[str, Field(pattern=r"^(blake3|sha256):[0-9a-f]{64}$")]


class TargetModules(Block):
    """Which linear layers get an adapter. `AllLinear`: every linear layer but the output head."""

    type: Literal["AllLinear", "Names"] = "AllLinear"
    names: Annotated[tuple[Text, ...], Field(min_length=1, max_length=64)] | None = None


class InitialFrom(Block):
    """An adapter to go on from, in PEFT's format. The digest is of its `adapter_model.safetensors`."""

    uri: Text
    digest: Digest


class Adapter(Block):
    """The LoRA adapter (Hu et al. 2021)."""

    rank: Annotated[Count, Field(le=1024)] = 16
    alpha: PositiveFloat = 32.0
    dropout: Fraction = 0.0
    target_modules: TargetModules = TargetModules()
    initial_from: InitialFrom | None = None


class Model(Block):
    """The base model: a hub id (`org/name`, with a revision), `s3://bucket/prefix`, or a directory."""

    base: Text
    revision: Text | None = None
    adapter: Adapter = Adapter()
