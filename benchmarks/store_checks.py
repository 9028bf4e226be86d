"""How many of 15 checks of conditional creates an S3 server passes, for the table in docs/stores.md.

    python -m benchmarks.store_checks                           # versitygw, as `make cluster` starts it, and moto
    python -m benchmarks.store_checks --endpoint http://localhost:8333 --bucket checks    # a server that runs already
    python -m benchmarks.store_checks --smoke                   # moto twice, for the test suite

The check is the one before every run, over two connections. Credentials for --endpoint come from the environment, as
for `fedtrain run`. Ends with 1 when a check fails.
"""

import argparse
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import boto3
import moto

from fedtrain.api.storage import S3
from fedtrain.ledger.probe import probe
from fedtrain.ledger.s3_credentials import Credentials, Fixed, Keys
from fedtrain.ledger.s3_store import S3Store
from fedtrain.ledger.store import StoreError
from hack.cluster.s3_server import S3Server
from hack.cluster.tools import TOOLS, Installed
from tests.support.moto_server import MotoServer

TIMES, SMOKE_TIMES = 15, 2
BUCKET = "checks"
KEYS = Keys(key_id="checks", secret="checks-secret")


def failures(s3: S3, credentials: Credentials | None, times: int) -> list[str]:
    """The reasons of the checks that failed."""
    found = list[str]()
    for number in range(times):
        block = s3.model_copy(update={"prefix": f"check-{number}"})
        try:
            probe(S3Store(block, credentials=credentials), S3Store(block, credentials=credentials))
        except StoreError as error:
            found.append(str(error))
    return found


@contextmanager
def versitygw() -> Iterator[tuple[S3, Credentials]]:
    with TemporaryDirectory() as folder, S3Server(Path(folder)) as server:
        server.client.create_bucket(Bucket=BUCKET)
        keys = Keys(key_id=server.access_key, secret=server.secret_key)
        yield S3(bucket=BUCKET, endpoint=server.endpoint, region=server.region), Fixed(keys)


@contextmanager
def moto_server() -> Iterator[tuple[S3, Credentials]]:
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line for each request otherwise
    server = MotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        endpoint = "http://{}:{}".format(*server.get_host_and_port())
        secrets = {"aws_access_key_id": KEYS.key_id, "aws_secret_access_key": KEYS.secret}
        boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **secrets).create_bucket(Bucket=BUCKET)
        yield S3(bucket=BUCKET, endpoint=endpoint, region="us-east-1"), Fixed(KEYS)
    finally:
        server.stop()


def _version_of_versitygw() -> str:
    tool = TOOLS["versitygw"]
    assert isinstance(tool, Installed)
    return f"versitygw {tool.version}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", metavar="URL", help="a server that runs already, instead of these")
    parser.add_argument("--bucket", default=BUCKET, help="its bucket, which must exist (%(default)s)")
    parser.add_argument("--smoke", action="store_true", help="moto twice: shows that it runs")
    given = parser.parse_args()
    times: int = SMOKE_TIMES if given.smoke else TIMES
    found: dict[str, list[str]] = {}
    if given.endpoint:
        found[given.endpoint] = failures(S3(bucket=given.bucket, endpoint=given.endpoint), None, times)
    else:
        servers = {f"moto {moto.__version__}": moto_server}
        for name, server in (servers if given.smoke else {_version_of_versitygw(): versitygw} | servers).items():
            with server() as (s3, credentials):
                found[name] = failures(s3, credentials, times)
    for name, reasons in found.items():
        print(f"{name}: {times - len(reasons)} of {times} checks passed (target: {times})")
        for reason in sorted(set(reasons)):
            print(f"  {reason}")
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
