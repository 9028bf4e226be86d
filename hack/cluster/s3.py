"""An S3 server as its users know it."""

from functools import cached_property
from typing import Any

import boto3

HEALTH = "/_/health"
"""Path of the health check of the servers that are started here."""


class S3:
    """By its URL; every server here has the same keys."""

    access_key = "fedtrain-test"
    secret_key = "fedtrain-test-secret"
    region = "us-east-1"

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    @cached_property
    def client(self) -> Any:
        """A boto3 client of this server."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
        )
