"""A run is found by its folder, by its file or by its address in a bucket; where it isn't, those nearby are named."""

from pathlib import Path

import boto3
import pytest

from fedtrain.api.storage import S3, File, Storage
from fedtrain.ledger.open import open_ledger
from fedtrain.ledger.store import StoreError
from fedtrain.results.locate import NoRun, locate, run_folder
from fedtrain.results.summary import summarise
from tests.support.ledger_by_hand import Hand
from tests.support.moto_server import serving_s3

FILE = """
apiVersion: fedtrain.dev/v1alpha1
kind: FederatedTraining
metadata: {name: quickstart}
spec:
  model: {base: ./base}
  data: {dataset: glosses, format: Text}
  participants: [{name: zoo}]
  rounds: {count: 3}
  training: {length: {type: Steps, steps: 25}}
  storage: {type: File, file: {path: ./runs}}
---
apiVersion: fedtrain.dev/v1alpha1
kind: ParticipantPolicy
metadata: {name: zoo}
spec: {datasets: [{name: glosses, uri: ./zoo.jsonl}]}
"""


@pytest.mark.parametrize("called", ["default/quickstart", "default/quickstart/", "default/quickstart/run.json"])
def test_a_run_is_found_by_its_folder(hand: Hand, runs: Path, called: str) -> None:
    hand.begin()
    found = locate(f"{runs}/{called}").ledger
    assert (found.namespace, found.name) == ("default", "quickstart")
    assert run_folder(found) == runs / "default/quickstart"


def test_a_run_is_found_from_within_its_folder(hand: Hand, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hand.begin()
    monkeypatch.chdir(runs / "default/quickstart")
    assert summarise(locate(".").ledger).name == "quickstart"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "base").mkdir()
    (tmp_path / "base/config.json").write_text('{"model_type": "llama"}')
    (tmp_path / "zoo.jsonl").write_text('{"text": "a giraffe"}\n')
    (tmp_path / "federation.yaml").write_text(FILE)
    return tmp_path / "federation.yaml"


def test_a_run_is_found_by_the_file_that_a_cluster_was_given(hand: Hand, file: Path) -> None:
    hand.begin()
    (training, _) = FILE.split("---")
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\n"
    file.write_text(f"{secret}---\n{training.replace('./base', '/models/of/the/pods')}")
    assert locate(str(file)).ledger.name == "quickstart"


def test_a_run_is_found_by_its_file_from_anywhere(hand: Hand, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hand.begin()
    monkeypatch.chdir("/")
    located = locate(str(file))
    assert summarise(located.ledger).name == "quickstart"
    assert located.base("./base") == str(file.parent / "base"), "a base beside the file is found"


def test_a_file_that_was_never_run_says_how_to_run_it(file: Path) -> None:
    with pytest.raises(NoRun, match=r"has not been run.*`fedtrain run .*federation.yaml`"):
        locate(str(file))


@pytest.mark.parametrize(
    ("called", "said"),
    [
        ("default/quikstart", r"Did you mean `.*runs/default/quickstart`\?"),
        ("default", r"Did you mean `.*runs/default/quickstart`\?"),
        ("", r"Did you mean `.*runs/default/quickstart`\?"),
        ("other/place", r"Name a run; the only one here is `.*runs/default/quickstart`\."),
    ],
)
def test_runs_nearby_are_named(hand: Hand, runs: Path, called: str, said: str) -> None:
    """A run whose name is not similar is probably not meant: `delete` must not propose it."""
    hand.begin()
    with pytest.raises(NoRun, match=said):
        locate(str(runs / called))


@pytest.mark.parametrize("called", ["here", "here/runs", "nowhere", "nowhere/at/all"])
def test_runs_elsewhere_are_not_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, called: str) -> None:
    for folder in ("somebody/else", "here/deep/down"):
        storage = Storage(type="File", file=File(path=str(tmp_path / folder)))
        Hand(open_ledger(storage, "default", "quickstart")).begin()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NoRun) as told:
        locate(called)
    assert "Did you mean" not in str(told.value)


def test_runs_of_a_folder_with_a_similar_name_are_named(hand: Hand, runs: Path) -> None:
    hand.begin()
    runs.parent.joinpath("federation").mkdir()
    runs.rename(runs.parent / "federation/runs")
    with pytest.raises(NoRun, match=r"Did you mean `.*federation/runs/default/quickstart`\?"):
        locate(str(runs.parent / "fedration"))


def test_runs_of_a_folder_are_named(tmp_path: Path, hand: Hand) -> None:
    hand.begin()
    with pytest.raises(NoRun, match=r"Did you mean `.*runs/default/quickstart`\?"):
        locate(str(tmp_path))


def test_without_any_run_the_error_lists_the_ways_to_name_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NoRun, match=r"No such file or folder: nowhere.*runs/<namespace>/<name>"):
        locate("nowhere")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch):
    with serving_s3() as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        boto3.client("s3").create_bucket(Bucket="federations")
        yield "federations"


def test_a_run_is_found_in_a_bucket(bucket: str) -> None:
    storage = Storage(type="S3", s3=S3(bucket=bucket, prefix="support/eu"))
    Hand(open_ledger(storage, "default", "quickstart")).begin()
    located = locate(f"s3://{bucket}/support/eu/default/quickstart")
    assert summarise(located.ledger).name == "quickstart"
    assert run_folder(located.ledger) is None
    with pytest.raises(NoRun, match=r"s3://federations/support/eu/default/quickstart"):
        locate(f"s3://{bucket}/support/eu/default/quikstart")


def test_an_address_in_a_bucket_needs_a_namespace_and_a_name() -> None:
    with pytest.raises(StoreError, match=r"s3://bucket/\[prefix/\]namespace/name"):
        locate("s3://federations/quickstart")


def test_a_file_with_a_similar_name_is_named(file: Path) -> None:
    with pytest.raises(
        NoRun, match=r"No such file or folder: .*federation\.yml\. Did you mean `.*/federation\.yaml`\?"
    ):
        locate(str(file.with_suffix(".yml")))
