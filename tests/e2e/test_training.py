"""A training on a real cluster, from `kubectl apply` to its adapter, and another that asks for too much."""

import base64
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from hack.cluster.access import Access
from hack.cluster.api import Api
from hack.cluster.eventually import eventually
from hack.cluster.s3_server import S3Server
from hack.cluster.whole import WholeCluster
from tests.controlplane.training import PYTORCHJOBS, QUICKSTART, TRAININGS, Digests, digests
from tests.e2e.federation import RealFederation, document, fedtrain
from tests.e2e.observer import Observer, Pod

LOAD = """
import sys
from peft import PeftModel
from transformers import AutoModelForCausalLM
model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(sys.argv[1]), sys.argv[2])
print(any(bool(value.abs().sum() > 0) for name, value in model.named_parameters() if "lora_B" in name))
"""


@dataclass(frozen=True)
class Story:
    """A training that has ended. `dump`: everything the API server had while it trained and after, but for Secrets."""

    federation: RealFederation
    dump: str


@pytest.fixture(scope="module")
def plane(hub: WholeCluster) -> Access:
    return hub.control_plane


@pytest.fixture(scope="module")
def api(plane: Access) -> Api:
    return plane.api


@pytest.fixture(scope="module")
def story(
    banks: RealFederation,
    plane: Access,
    api: Api,
    s3_server: S3Server,
    alone: subprocess.Popen[bytes],
    tmp_path_factory: pytest.TempPathFactory,
) -> Story:
    made = RealFederation(banks.folder, "team").prepare(api, s3_server)
    file = tmp_path_factory.mktemp("team") / "federation.json"
    file.write_text(json.dumps(document("FederatedTraining", made.name, made.spec(made.bucket(s3_server)))))
    plane.kubectl("apply", "--namespace", made.namespace, "-f", file)
    eventually(lambda: made.pods(api, "Train"))
    dump = everything(plane)
    made.succeeded(api)
    return Story(made, dump + everything(plane))


def everything(plane: Access) -> str:
    """All objects of all kinds, but for Secrets."""
    kinds = plane.kubectl("api-resources", "--verbs=list", "--output=name").split()
    return plane.kubectl("get", ",".join(kind for kind in kinds if kind != "secrets"), "--all-namespaces", "-o", "json")


def test_an_unschedulable_pod_is_reported_within_a_minute(banks: RealFederation, api: Api, s3_server: S3Server) -> None:
    greedy = RealFederation(banks.folder, "greedy").prepare(api, s3_server)
    wish = {"name": "bank-b", "compute": {"gpusPerNode": 2}, "training": {"microBatchSize": 2}}
    greedy.apply(api, s3_server, participants=[{"name": "bank-a"}, wish])
    words = "bank-b's job asks for 2 GPUs on 1 node, but no node has 2 free"
    eventually(lambda: words in greedy.status(api).get("message", ""))
    api.delete(TRAININGS, greedy.name, greedy.namespace)


def test_the_adapters_have_the_digests_of_fedtrain_run(story: Story, s3_server: S3Server, undisturbed: Digests) -> None:
    assert len(undisturbed) == 3
    assert digests(story.federation.ledger(s3_server)) == undisturbed


def test_peft_loads_what_export_writes(story: Story, s3_server: S3Server, tmp_path: Path) -> None:
    fedtrain(s3_server, "export", story.federation.url(), "--out", tmp_path / "adapter")
    command = [sys.executable, "-c", LOAD, str(QUICKSTART / "base"), str(tmp_path / "adapter")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "True\n", done.stderr


def test_the_commands_work_on_the_bucket_as_on_a_folder(story: Story, s3_server: S3Server, tmp_path: Path) -> None:
    run = story.federation.url()
    assert "Succeeded" in fedtrain(s3_server, "status", run)
    fedtrain(s3_server, "ledger", "verify", run)
    fedtrain(s3_server, "report", run, "--out", tmp_path / "report.html")
    assert "bank-a" in (tmp_path / "report.html").read_text()


def test_kubectl_get_shows_the_progress_of_a_training(story: Story, plane: Access) -> None:
    told = plane.kubectl("get", "ft", "--namespace", story.federation.namespace).splitlines()
    assert told[0].split() == ["NAME", "ROUND", "PHASE", "PARTICIPANTS", "METRIC", "EPSILON", "SECONDS", "AGE"]
    # EPSILON is empty: the training is not private
    assert told[1].split()[:5] == ["small", "2", "Succeeded", "2/2", "loss"]


def test_kubectl_describe_shows_conditions_and_events(story: Story, plane: Access) -> None:
    """The operator writes events after the status."""
    expected = ["Initialised", "RoundCommitted", "RoundCommitted", "Succeeded"]

    def described() -> tuple[str, list[str]]:
        told = plane.kubectl("describe", "federatedtraining", "small", "--namespace", story.federation.namespace)
        conditions, _, events = told.partition("Events:")
        reasons = (line.split()[1] for line in events.splitlines()[3:])
        return conditions, [reason for reason in reasons if reason in expected]

    eventually(lambda: described()[1] == expected)
    assert "Type:                  Complete" in described()[0]


def test_participants_hold_no_pod_while_the_hub_aggregates(story: Story, observer: Observer) -> None:
    """A pod that has delivered may still be ending when the aggregation begins, and not when that ends."""
    mine = [[pod for pod in moment if is_of(pod, story)] for moment in observer.moments]
    last = {
        pod.name: moment for moment in mine for pod in moment if pod.labels["fedtrain.dev/kind"] == "Aggregate"
    }  # of each aggregation, the last moment
    assert last
    assert not [pod for moment in last.values() for pod in moment if "fedtrain.dev/participant" in pod.labels]


def test_nothing_is_left_when_a_training_has_ended(story: Story, api: Api) -> None:
    eventually(lambda: story.federation.at_banks(api, "v1/pods") == [])
    eventually(lambda: story.federation.at_banks(api, PYTORCHJOBS) == [])


def test_credentials_are_in_secrets_alone(story: Story, s3_server: S3Server, observer: Observer) -> None:
    spellings = [s3_server.secret_key, base64.b64encode(s3_server.secret_key.encode()).decode()]
    eventually(lambda: any("-train-bank-a-" in name for name in observer.logs()))
    logs = observer.logs()
    places = {"the API": story.dump, **logs}
    assert not [name for name, content in places.items() if any(one in content for one in spellings)]
    assert story.federation.namespace in story.dump


def is_of(pod: Pod, story: Story) -> bool:
    return pod.labels["fedtrain.dev/training-namespace"] == story.federation.namespace
