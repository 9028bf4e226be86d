"""The store of a run denies a prefix, or does not answer."""

import os
import subprocess
import sys
import time
from pathlib import Path

from buckets import digests, federation
from federation import HERE, Small

from fedtrain.api.storage import S3, Storage
from fedtrain.contracts import names
from fedtrain.ledger.open import open_ledger
from tests.support.moto_server import MotoServer
from tests.support.proxy import Proxy

DENIALS = [
    ("PUT .*/preflight/zoo.json", "PutObject: access is denied", "s3:PutObject on this key"),
    ("LIST .*/preflight/", "ListObjectsV2: access is denied", "s3:ListBucket on the bucket for this prefix"),
    ("PUT .*/rounds/0001/close-1", "PutObject: access is denied", "s3:PutObject on this key"),
    ("GET .*/rounds/0001/updates/.*safetensors", "GetObject: access is denied", "s3:GetObject on this key"),
]


def test_a_prefix_that_is_denied_stops_the_run_until_the_permission_is_granted(
    zygote: str, undisturbed: Small, tmp_path: Path, bucket: S3
) -> None:
    assert bucket.endpoint is not None
    with Proxy(bucket.endpoint) as proxy:
        small, _ = federation(tmp_path / "run", bucket.model_copy(update={"endpoint": proxy.url}))
        for denied, problem, permission in DENIALS:
            proxy.denied = denied
            done = small.run(zygote)
            assert done.returncode == 1, (denied, done.said)
            assert "Traceback" not in done.said, (denied, done.said)
            error = done.said[done.said.index("error: ") :]
            assert problem in error, (denied, error)
            assert f"Grant {permission}" in error
            assert f"fedtrain run {small.file}" in error
        proxy.denied = ""
        done = small.run(zygote)
        assert done.returncode == 0, done.said
    ledger = open_ledger(Storage(type="S3", s3=bucket), "default", small.name)
    assert digests(ledger) == undisturbed.digests()
    assert not ledger.names("failures/")


def test_a_bucket_that_does_not_answer_for_a_while_costs_nothing(
    zygote: str, undisturbed: Small, tmp_path: Path, bucket: S3, server: MotoServer
) -> None:
    small, ledger = federation(tmp_path / "run", bucket)
    command = [sys.executable, str(HERE / "driver.py"), str(small.file), zygote, "2"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ)
    while ledger.size(names.plan(1)) is None and running.poll() is None:
        time.sleep(0.05)
    host, port = server.get_host_and_port()
    server.stop()
    time.sleep(3)
    again = MotoServer(ip_address=host, port=port, verbose=False)
    again.start()
    said, _ = running.communicate(timeout=300)
    found = digests(ledger)
    again.stop()
    assert running.returncode == 0, said
    assert found == undisturbed.digests()
