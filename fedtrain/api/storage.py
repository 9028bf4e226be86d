"""`spec.storage`: location of the ledger."""

from typing import ClassVar, Literal

from fedtrain.api.base import Block, ObjectName, Switch, Text, Union


class SecretRef(Block):
    """Reference to a Kubernetes Secret."""

    name: ObjectName
    """Name of the Secret, in the namespace of the training."""


class S3(Block):
    """An S3-compatible bucket. With `fedtrain run`, boto3's default credential chain is used (environment, profile,
    role)."""

    bucket: Text
    """Name of the bucket, without a scheme."""
    prefix: Text | None = None
    """Key prefix within the bucket."""
    endpoint: Text | None = None
    """Endpoint URL of the server. Defaults to AWS."""
    region: Text | None = None
    """Region of the bucket."""
    path_style: Switch = True
    """Use path-style URLs (`https://server/bucket/key`) instead of virtual-hosted ones
    (`https://bucket.server/key`)."""
    ca_file: Text | None = None
    """File of CA certificates (PEM) used to verify the server's certificate."""
    credentials_secret_ref: SecretRef | None = None
    """On a cluster: Secret with `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and optionally `AWS_SESSION_TOKEN`. If
    omitted, the pods use the role of their service account."""


class File(Block):
    """A folder on a local or shared file system."""

    path: Text = "./runs"
    """Folder of all runs. A run is stored in `<path>/<namespace>/<name>`."""


class Storage(Block):
    """Location of the ledger and the results."""

    unions: ClassVar[tuple[Union, ...]] = (
        Union(discriminator="type", required={"S3": "s3"}, optional={"File": "file"}),
    )

    type: Literal["S3", "File"] = "File"
    """Type of storage: `S3` for a bucket, `File` for a folder."""
    s3: S3 | None = None
    """S3 bucket. Only with type S3."""
    file: File | None = None
    """Folder. Only with type File."""
    retention_policy: Literal["Retain", "Delete"] = "Retain"
    """On a cluster: whether the ledger and adapters are kept (`Retain`) or deleted (`Delete`) when the training is
    deleted."""
