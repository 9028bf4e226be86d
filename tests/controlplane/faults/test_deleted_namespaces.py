"""The namespace of a participant is deleted while a run has tasks there: the others continue, later rounds too."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fedtrain.contracts import names
from fedtrain.contracts.records import Absent, Manifest
from hack.cluster.api import Api
from hack.cluster.eventually import eventually
from hack.cluster.s3_server import S3Server
from tests.controlplane.binding import bind
from tests.controlplane.pods import Pods
from tests.controlplane.training import PARTICIPANTS, TASKS, Federation
from tests.support.operating import Operator

KEPT, GONE = "bank-a", "bank-x"
LEAST_SECONDS = 30
"""A deadline. The hub's jobs have twice as long."""


@pytest.fixture
def federation(banks: Federation, api: Api, s3_server: S3Server, namespace: str) -> Iterator[Federation]:
    rows = banks.folder / f"{GONE}.jsonl"
    rows.write_text((banks.folder / "bank-b.jsonl").read_text())
    made = Federation(banks.folder, namespace, "pair", (KEPT, GONE)).prepare(api, s3_server)
    made.settle(api, GONE)
    yield made
    api.delete(PARTICIPANTS, GONE)


def test_the_participant_is_left_out_with_the_api_servers_words_and_the_others_finish_the_run(
    federation: Federation,
    pods: Pods,
    api: Api,
    s3_server: S3Server,
    operator_kubeconfig: Path,
    zygote: str,
    tmp_path: Path,
) -> None:
    """The rights of the operator there and the policy are deleted with the namespace, in any order. So round 1 may end
    at once, because the policy is missing; in round 2 no task can be created, so it does not wait. The namespace is
    created again in round 3, which was planned without it, or with it if its last task was no longer wanted."""
    ledger = federation.ledger(s3_server)

    def waits(number: int) -> bool:
        status = federation.status(api)
        return (status.get("round"), status.get("participants")) == (number, "1/2")

    def end_waiting() -> None:
        spent = federation.status(api)["elapsed"]["seconds"]
        federation.change(api, rounds={"deadline": f"{max(round(spent) + 1, LEAST_SECONDS)}s"})

    def absent(number: int) -> Absent:
        manifest = eventually(lambda: ledger.read(names.manifest(number), Manifest))
        (left_out,) = manifest.absent
        assert (manifest.outcome, left_out.participant) == ("Committed", GONE)
        return left_out

    operator = Operator(operator_kubeconfig, tmp_path, zygote, RESYNC_SECONDS="2")
    operator.may_be_refused = True
    with operator:
        pods.held = {f"-1-train-{GONE}-", f"-3-train-{KEPT}-"}
        federation.apply(api, s3_server, rounds={"count": 4, "minParticipants": 1}, evaluation={})
        eventually(lambda: waits(1))
        eventually(lambda: federation.at_banks(api, "v1/pods", f"-1-train-{GONE}-"))
        api.delete("v1/namespaces", f"at-{GONE}")
        eventually(lambda: api.find("v1/namespaces", f"at-{GONE}") is None)
        end_waiting()
        absent(1)
        federation.change(api, rounds={"deadline": "2h"})

        assert absent(2).reason.startswith("its namespace takes no tasks: 40")
        eventually(lambda: federation.condition(api, "TasksAccepted").get("status") == "False")
        words = f"{GONE}: the hub's operator has no right to create its task in namespace at-{GONE}"
        eventually(lambda: words in federation.condition(api, "TasksAccepted")["message"])
        eventually(lambda: federation.status(api).get("round") == 3)
        api.create("v1/namespaces", {"metadata": {"name": f"at-{GONE}"}})
        bind(api, f"at-{GONE}", "participant")
        eventually(lambda: federation.condition(api, "TasksAccepted").get("status") == "True")
        pods.held = set()
        eventually(lambda: federation.at_banks(api, TASKS, f"-4-train-{GONE}-"))
        federation.delete(api)
