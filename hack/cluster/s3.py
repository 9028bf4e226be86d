"""An S3 server as its users know it."""

import json
import secrets
from functools import cached_property
from typing import Any

import boto3

from hack.cluster.processes import run
from hack.cluster.tools import provide

TOOLS = ("versitygw",)

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

    def create_reader(self, bucket: str) -> dict[str, str]:
        """Create an account that can read this bucket alone, and return its keys as the content of a Secret."""
        name, secret = f"reads-{bucket}", secrets.token_hex(16)
        run(
            provide(*TOOLS)["versitygw"],
            "admin",
            f"--endpoint-url={self.endpoint}",
            f"--region={self.region}",
            "create-user",
            f"--access={name}",
            f"--secret={secret}",
            "--role=user",
            environment={"ADMIN_ACCESS_KEY": self.access_key, "ADMIN_SECRET_KEY": self.secret_key},
        )
        names = f"arn:aws:s3:::{bucket}"
        reads = {
            "Effect": "Allow",
            "Principal": {"AWS": [name]},
            "Action": ["s3:GetObject", "s3:ListBucket"],
            "Resource": [names, f"{names}/*"],
        }
        policy = {"Version": "2012-10-17", "Statement": [reads]}
        self.client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
        return {"AWS_ACCESS_KEY_ID": name, "AWS_SECRET_ACCESS_KEY": secret}
