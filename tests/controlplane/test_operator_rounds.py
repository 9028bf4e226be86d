"""Rounds below their minimum, resuming after a failure, and what users see of a run: on a real API server, with
participants and a training whose names begin with digits."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fedtrain_operator.kube.logs import FIELDS
from prometheus_client.parser import text_string_to_metric_families

from fedtrain.contracts import names
from fedtrain.contracts.records import Aggregate, Grant, Manifest
from hack.cluster.api import Api, Json
from hack.cluster.eventually import PATIENCE_SECONDS, eventually
from hack.cluster.processes import free_port
from hack.cluster.s3_server import S3Server
from tests.controlplane.pods import Pods, ended
from tests.controlplane.training import TRAININGS, Federation, document
from tests.support.operating import Operator

pytestmark = pytest.mark.slow
WHO = ("3m", "7-eleven")


@dataclass(frozen=True)
class Running:
    """An operator for the tests of this file. `metrics`: where it tells Prometheus."""

    operator: Operator
    metrics: str


@pytest.fixture(scope="module")
def shops(api: Api, tmp_path_factory: pytest.TempPathFactory) -> Federation:
    made = Federation(tmp_path_factory.mktemp("shops"), who=WHO)
    made.write_data()
    made.settle_banks(api)
    return made


@pytest.fixture(scope="module")
def running(operator_kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    port = free_port()
    with Operator(operator_kubeconfig, tmp_path_factory.mktemp("operator"), METRICS_PORT=str(port)) as operator:
        yield Running(operator, f"http://127.0.0.1:{port}/metrics")


@pytest.fixture
def federation(
    shops: Federation, running: Running, api: Api, s3_server: S3Server, namespace: str
) -> Iterator[Federation]:
    """Bucket and Secret are there; the training is not."""
    made = Federation(shops.folder, namespace, name="3m", who=WHO).prepare(api, s3_server)
    yield made
    made.delete(api)


def condition(status: Json, name: str) -> Json:
    return next(one for one in status["conditions"] if one["type"] == name)


def dies(federation: Federation, api: Api, who: str) -> None:
    """The pod in which `who` trains in round 1, which the tests hold, ends in an error."""
    (pod,) = eventually(lambda: federation.at_banks(api, "v1/pods", f"-1-train-{who}-"))
    api.patch("v1/pods", pod["metadata"]["name"], {"status": ended(pod, 137)}, f"at-{who}", "status")


def ask(federation: Federation, api: Api, phase: str) -> None:
    """Ask to resume in this phase, and wait until the operator has noted it."""
    eventually(lambda: federation.status(api).get("phase") == phase)
    federation.resume(api)

    def annotations() -> Json:
        return api.get(TRAININGS, federation.name, federation.namespace)["metadata"].get("annotations", {})

    eventually(lambda: "fedtrain.dev/resume" not in annotations())


def cli(federation: Federation, s3_server: S3Server, *arguments: str) -> str:
    """`fedtrain` with the file that was applied, as somebody who has the bucket's keys calls it."""
    training = document("FederatedTraining", federation.name, federation.spec(federation.bucket(s3_server)))
    training["metadata"]["namespace"] = federation.namespace
    file = federation.folder / f"{federation.namespace}.yaml"
    file.write_text(json.dumps(training))
    keys = {"AWS_ACCESS_KEY_ID": s3_server.access_key, "AWS_SECRET_ACCESS_KEY": s3_server.secret_key}
    words = [str(file) if word == "FILE" else word for word in arguments]
    done = subprocess.run(
        [str(Path(sys.executable).with_name("fedtrain")), *words],
        env={**os.environ, **keys},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_below_the_minimum_a_run_fails_naming_missing_participants_and_resumes_on_request(
    federation: Federation, pods: Pods, api: Api, s3_server: S3Server
) -> None:
    pods.held = {"-train-3m-"}
    federation.apply(api, s3_server, rounds={"count": 1, "retries": 0}, evaluation={})
    ask(federation, api, "Training")  # nothing to resume from: it has no effect
    dies(federation, api, "3m")
    eventually(lambda: federation.has_ended(api))
    status = federation.status(api)
    why = condition(status, "Complete")
    assert (status["phase"], why["status"], why["reason"]) == ("Failed", "False", "BelowMinimum")
    assert "round 1 needs 2 valid updates and can have 1: 3m: pod " in why["message"]
    assert "Error 137" in why["message"]
    assert condition(status, "MinimumMet")["message"] == why["message"]
    pods.held = set()
    ask(federation, api, "Failed")
    eventually(lambda: federation.status(api)["phase"] != "Failed")
    status = federation.succeeded(api)
    assert condition(status, "MinimumMet")["status"] == "True"
    grant = federation.ledger(s3_server).read(names.grant(1, "3m", 2), Grant)
    assert grant is not None
    assert grant.cause == "Resumed"
    eventually(lambda: {"Failed", "TriesAgain", "Succeeded"} <= federation.told(api))


def test_below_the_minimum_a_round_is_skipped_if_the_file_says_so_and_the_next_asks_all_again(
    federation: Federation, pods: Pods, api: Api, s3_server: S3Server
) -> None:
    """With privacy whose hub clips to a fixed norm: a round without a mean has no noise and costs nothing."""
    privacy: Json = {
        "unit": "Participant",
        "budget": {"epsilon": 1000, "delta": 1e-5},
        "noise": {"type": "Multiplier", "multiplier": 0.5},
        "clipping": {"type": "Fixed", "norm": 0.05},
    }
    rounds: Json = {"count": 2, "retries": 0, "belowMinimum": "Skip"}
    pods.held = {"-1-train-3m-", "-2-train-"}
    federation.apply(api, s3_server, rounds=rounds, privacy=privacy, aggregation={"weights": "Uniform"}, evaluation={})
    dies(federation, api, "3m")
    eventually(lambda: federation.status(api).get("round") == 2)
    said = condition(federation.status(api), "MinimumMet")
    assert (said["status"], said["reason"]) == ("False", "Skipped")
    assert said["message"].startswith("round 1 was skipped: 3m: pod ")
    pods.held = set()
    status = federation.succeeded(api)
    assert [told["outcome"] for told in status["lastRounds"]] == ["Initial", "Skipped", "Committed"]
    assert status["lastRounds"][-1]["participants"] == "2/2"
    assert condition(status, "MinimumMet")["status"] == "True"
    ledger = federation.ledger(s3_server)
    newest, made = ledger.read(names.manifest(2), Manifest), ledger.read(names.aggregate(2, 1), Aggregate)
    assert newest is not None
    assert newest.privacy is not None
    assert [(one.multiplier, one.count) for one in newest.privacy.spent] == [(0.5, 1)]
    assert made is not None
    assert made.privacy is not None
    assert made.privacy.noise_std == pytest.approx(0.5 * 0.05 / 2)


def test_status_logs_report_export_and_verify_work_on_the_bucket_and_metrics_and_logs_tell_of_the_run(
    federation: Federation, running: Running, pods: Pods, api: Api, s3_server: S3Server, tmp_path: Path
) -> None:
    federation.apply(api, s3_server)
    federation.succeeded(api)
    assert json.loads(cli(federation, s3_server, "status", "FILE", "-o", "json"))["phase"] == "Succeeded"
    assert "3m" in cli(federation, s3_server, "logs", "FILE", "3m")
    cli(federation, s3_server, "ledger", "verify", "FILE")
    cli(federation, s3_server, "report", "FILE", "--out", str(tmp_path / "report.html"))
    assert "7-eleven" in (tmp_path / "report.html").read_text()
    cli(federation, s3_server, "export", "FILE", "--out", str(tmp_path / "adapter"))
    assert (tmp_path / "adapter" / "adapter_model.safetensors").is_file()
    ended = ("fedtrain_objects_by_phase", ("kind", "FederatedTraining"), ("phase", "Succeeded"))
    told = eventually(lambda: read if (read := samples(running)).get(ended, 0) >= 1 else None)
    assert told["fedtrain_rounds_total", ("outcome", "Committed")] >= 2
    assert told["fedtrain_round_seconds_sum",] > 0
    assert told["fedtrain_update_bytes_total",] > 1000
    assert told["fedtrain_reconcile_latency_seconds_count", ("object", "training")] > 0
    values = {value for key in told for _, value in key[1:]}
    assert not values & {federation.namespace, federation.name, *WHO}, "no label for each training or participant"

    def logged(field: str) -> set[object]:
        mine = (line for line in log_lines(running) if line.get("training") == f"{federation.namespace}/3m")
        return {line[field] for line in mine if field in line}

    eventually(lambda: logged("participant") == set(WHO) and logged("round") >= {0, 1, 2})
    assert all({*line} <= {"time", "level", "logger", "message", "error", *FIELDS} for line in log_lines(running))


def samples(running: Running) -> dict[tuple[Any, ...], float]:
    """The values of all metrics, by name and labels."""
    with urllib.request.urlopen(running.metrics, timeout=PATIENCE_SECONDS) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    return {(one.name, *sorted(one.labels.items())): one.value for family in families for one in family.samples}


def log_lines(running: Running) -> list[Json]:
    """The complete lines of the operator's log."""
    return [json.loads(line) for line in running.operator.log.read_text().rpartition("\n")[0].splitlines()]
