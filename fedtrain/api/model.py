"""`spec.model`: the base model and the LoRA adapter that is trained on it."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from fedtrain.api.base import Block, Count, Fraction, PositiveFloat, Text, Union

Digest = Annotated[str, Field(pattern=r"^(blake3|sha256):[0-9a-f]{64}$", max_length=71)]


class TargetModules(Block):
    """Which linear layers get an adapter."""

    unions: ClassVar[tuple[Union, ...]] = (Union(discriminator="type", required={"Names": "names"}),)

    type: Literal["AllLinear", "Names"] = "AllLinear"
    """`AllLinear`: every linear layer but the output head. `Names`: those of `names`."""
    names: Annotated[tuple[Text, ...], Field(min_length=1, max_length=64)] | None = None
    """Ends of the modules' names, such as `q_proj`; only with type Names."""


class InitialFrom(Block):
    """An adapter in PEFT's format to go on from."""

    uri: Text
    """Its folder: a path, or `s3://bucket/prefix`."""
    digest: Digest
    """Of its `adapter_model.safetensors`: `blake3:` or `sha256:` and 64 hexadecimal digits."""


class Adapter(Block):
    """The LoRA adapter (Hu et al. 2021): B A is added to a layer's weight, scaled by alpha / rank."""

    rank: Annotated[Count, Field(le=1024)] = 16
    """Columns of B and rows of A."""
    alpha: PositiveFloat = 32.0
    """The scale is alpha / rank."""
    dropout: Fraction = 0.0
    """Share of the inputs of A that is dropped in training."""
    target_modules: TargetModules = TargetModules()
    """Which layers get an adapter."""
    initial_from: InitialFrom | None = None
    """An adapter to go on from; without it A is random (by the seed) and B is 0."""


class Model(Block):
    """The base model and the adapter that is trained on it."""

    base: Text
    """A hub id (`org/name`), a directory that transformers loads, or `s3://bucket/prefix`. Relative paths start at the
    folder of the file. What looks like a path or is a directory there is a directory."""
    revision: Text | None = None
    """A hub id's commit, 40 hexadecimal digits: a moving base is a different model."""
    adapter: Adapter = Adapter()
    """The LoRA adapter."""
