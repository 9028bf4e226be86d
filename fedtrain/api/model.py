"""`spec.model`: the base model and the LoRA adapter that is trained on it."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from fedtrain.api.base import Block, Count, Fraction, PositiveFloat, Text, Union
from fedtrain.api.storage import S3Access

Digest = Annotated[str, Field(pattern=r"^(blake3|sha256):[0-9a-f]{64}$", max_length=71)]


class TargetModules(Block):
    """Linear layers that get an adapter."""

    unions: ClassVar[tuple[Union, ...]] = (Union(discriminator="type", required={"Names": "names"}),)

    type: Literal["AllLinear", "Names"] = "AllLinear"
    """`AllLinear`: all linear layers except the output head. `Names`: the layers listed in `names`."""
    names: Annotated[tuple[Text, ...], Field(min_length=1, max_length=64)] | None = None
    """Suffixes of module names, such as `q_proj`. Only with type Names."""


class InitialFrom(Block):
    """An existing adapter in PEFT format to continue training from."""

    uri: Text
    """Folder of the adapter: a path, or `s3://bucket/prefix`."""
    digest: Digest
    """Digest of `adapter_model.safetensors`: `blake3:` or `sha256:`, followed by 64 hexadecimal digits."""


class Adapter(Block):
    """LoRA adapter (Hu et al. 2021). The product B A, scaled by alpha / rank, is added to the weight of each target
    layer."""

    rank: Annotated[Count, Field(le=1024)] = 16
    """Rank of the adapter: number of columns of B and rows of A."""
    alpha: PositiveFloat = 32.0
    """Scaling numerator: the adapter is scaled by alpha / rank."""
    dropout: Fraction = 0.0
    """Dropout probability of the inputs of A during training."""
    target_modules: TargetModules = TargetModules()
    """Layers that get an adapter."""
    initial_from: InitialFrom | None = None
    """Existing adapter to start from. If omitted, A is random (derived from the seed) and B is 0."""


class Model(Block):
    """The base model and the adapter that is trained on it."""

    base: Text
    """Base model: a model id on Hugging Face (`org/name`), a directory in transformers format, or `s3://bucket/prefix`.
    Relative paths are resolved against the folder of the manifest. A value that looks like a path, or that is an
    existing directory, is read as a directory."""
    revision: Text | None = None
    """Commit of the model id, 40 hexadecimal digits. Pins the base model, so that all participants train the same
    weights. Not for a base in a folder or bucket: round 0 records a fingerprint of its files, and tasks with other
    files are refused. Give all participants the same files."""
    s3: S3Access | None = None
    """Server and credentials of the buckets in `base` and `adapter.initialFrom.uri`. Only with `s3://`. On a cluster,
    a participant uses the credentials in its own ParticipantPolicy (`baseModel.s3`)."""
    adapter: Adapter = Adapter()
    """LoRA adapter that is trained."""

    def without_credentials(self) -> Self:
        """Return the model without the names of credentials."""
        return self if self.s3 is None else self.model_copy(update={"s3": self.s3.without_credentials()})
