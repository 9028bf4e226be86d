"""`spec.storage`: location of the ledger. Also access to S3 servers, which other places use too."""

from typing import ClassVar, Literal, Self

from fedtrain.api.base import Block, ObjectName, Switch, Text, Union


class SecretRef(Block):
    """Reference to a Kubernetes Secret."""

    name: ObjectName
    """Name of the Secret, in the namespace of the object that refers to it."""


class S3Access(Block):
    """An S3 server and the credentials to access it."""

    endpoint: Text | None = None
    """Endpoint URL of the server. Defaults to AWS_ENDPOINT_URL, then to AWS."""
    region: Text | None = None
    """Region of the bucket."""
    path_style: Switch = True
    """Use path-style URLs (`https://server/bucket/key`) instead of virtual-hosted ones
    (`https://bucket.server/key`)."""
    ca_file: Text | None = None
    """File of CA certificates (PEM) used to verify the server's certificate."""
    credentials_secret_ref: SecretRef | None = None
    """On a cluster: Secret with `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and optionally `AWS_SESSION_TOKEN`, which
    is read again when it changes. If omitted, the pods use their environment or the role of their service account.
    `fedtrain run` ignores it."""
    profile: Text | None = None
    """With `fedtrain run`: AWS profile whose credentials are used. If omitted, boto3's default credential chain is used
    (environment, AWS_PROFILE, role). Ignored on a cluster."""

    def without_credentials(self) -> Self:
        """Return the server without the names of its credentials."""
        return self.model_copy(update={"credentials_secret_ref": None, "profile": None})


class S3(S3Access):
    """An S3-compatible bucket."""

    bucket: Text
    """Name of the bucket, without a scheme."""
    prefix: Text | None = None
    """Key prefix within the bucket."""


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
    """Type of storage. `S3`: a bucket. `File`: a folder on this machine."""
    s3: S3 | None = None
    """S3 bucket. Only with type S3."""
    file: File | None = None
    """Folder. Only with type File."""
    retention_policy: Literal["Retain", "Delete"] = "Retain"
    """On a cluster, when the training is deleted. `Retain`: ledger and adapters are kept. `Delete`: they are deleted,
    too."""

    def without_credentials(self) -> Self:
        """Return the location without the names of its credentials."""
        return self if self.s3 is None else self.model_copy(update={"s3": self.s3.without_credentials()})
