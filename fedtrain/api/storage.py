"""`spec.storage`: where the ledger lives."""

from typing import ClassVar, Literal

from fedtrain.api.base import Block, ObjectName, Switch, Text, Union


class SecretRef(Block):
    """A Kubernetes Secret."""

    name: ObjectName
    """In the training's namespace."""


class S3(Block):
    """An S3-compatible bucket. On one machine, credentials come from where boto3 looks for them (environment, profile,
    role)."""

    bucket: Text
    """Its name alone."""
    prefix: Text | None = None
    """Where in the bucket."""
    endpoint: Text | None = None
    """URL of the server, if it is not AWS's."""
    region: Text | None = None
    """The bucket's region."""
    path_style: Switch = True
    """`https://server/bucket/key`, and not `https://bucket.server/key`."""
    ca_file: Text | None = None
    """Certificates (PEM) that the server's is checked against."""
    credentials_secret_ref: SecretRef | None = None
    """On a cluster: the Secret with `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, if need be, `AWS_SESSION_TOKEN`;
    without it the pods' own role holds."""


class File(Block):
    """A folder."""

    path: Text = "./runs"
    """The runs are in `<path>/<namespace>/<name>`."""


class Storage(Block):
    """Where the ledger and the results are."""

    unions: ClassVar[tuple[Union, ...]] = (
        Union(discriminator="type", required={"S3": "s3"}, optional={"File": "file"}),
    )

    type: Literal["S3", "File"] = "File"
    """A bucket or a folder."""
    s3: S3 | None = None
    """Only with type S3."""
    file: File | None = None
    """Only with type File."""
    retention_policy: Literal["Retain", "Delete"] = "Retain"
    """On a cluster, when the training is deleted: its ledger and adapters stay (`Retain`) or go (`Delete`)."""
