"""`spec.storage`: where the ledger lives."""

from typing import Literal

from fedtrain.api.base import Block, Switch, Text


class S3(Block):
    """An S3-compatible bucket. On one machine the credentials come from boto3's usual chain."""

    bucket: Text
    prefix: Text | None = None
    endpoint: Text | None = None
    region: Text | None = None
    path_style: Switch = True
    ca_file: Text | None = None


class File(Block):
    path: Text = "./runs"


class Storage(Block):
    type: Literal["S3", "File"] = "File"
    s3: S3 | None = None
    file: File | None = None
