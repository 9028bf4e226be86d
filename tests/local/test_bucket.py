"""The same federation with its ledger in a bucket."""

from pathlib import Path

import boto3
import pytest
from buckets import digests, federation
from click.testing import CliRunner
from federation import Small

from fedtrain.api.storage import S3
from fedtrain.cli.main import main
from fedtrain.ledger.verify import verify


@pytest.mark.slow
def test_a_bucket_gives_the_digests_of_a_folder(zygote: str, undisturbed: Small, tmp_path: Path, bucket: S3) -> None:
    small, ledger = federation(tmp_path / "run", bucket)
    done = small.run(zygote)
    assert done.returncode == 0, done.said
    assert digests(ledger) == undisturbed.digests()
    assert verify(ledger).sound


@pytest.mark.slow
def test_data_of_participants_data_of_the_hub_and_the_ledger_may_be_in_three_buckets(
    zygote: str, undisturbed: Small, tmp_path: Path, bucket: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bucket.endpoint is not None
    monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.endpoint)
    monkeypatch.setenv("FEDTRAIN_CACHE", str(tmp_path / "cache"))
    small, ledger = federation(tmp_path / "run", bucket)
    client = boto3.client("s3", endpoint_url=bucket.endpoint, region_name=bucket.region)
    places = {"zoo.jsonl": "members/zoo", "museum.jsonl": "members/museum", "test.jsonl": "evaluation/test"}
    content = small.file.read_text()
    for file, (name, _, folder) in {file: place.partition("/") for file, place in places.items()}.items():
        other = f"{bucket.bucket}-{name}"
        client.create_bucket(Bucket=other)
        client.upload_file(str(small.folder / file), other, f"{folder}/rows.jsonl")
        (small.folder / file).unlink()
        content = content.replace(f"uri: {file}", f"uri: s3://{other}/{folder}/rows.jsonl")
    small.file.write_text(content)
    for command in (["validate"], ["plan", "--rows", "zoo=24", "--rows", "museum=24"]):
        done = CliRunner().invoke(main, [*command, str(small.file)])
        assert done.exit_code == 0, done.output
    done = small.run(zygote)
    assert done.returncode == 0, done.said
    assert digests(ledger) == undisturbed.digests()
