"""Objects that the API server refuses in one namespace: the status has its words, and the others continue."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hack.cluster.api import Api
from hack.cluster.eventually import eventually
from hack.cluster.s3_server import S3Server
from tests.controlplane.training import JOBS, POLICIES, TASKS, Federation


@contextmanager
def quota(api: Api, namespace: str, **hard: str) -> Iterator[None]:
    """A ResourceQuota that the API server enforces."""
    limits = {name.replace("__", "/").replace("_", "."): value for name, value in hard.items()}
    api.create("v1/resourcequotas", {"metadata": {"name": "none"}, "spec": {"hard": limits}}, namespace)
    try:
        eventually(lambda: api.get("v1/resourcequotas", "none", namespace).get("status", {}).get("hard") == limits)
        yield
    finally:
        api.delete("v1/resourcequotas", "none", namespace)


def warnings(api: Api, namespace: str) -> set[tuple[str, str]]:
    events = api.list("v1/events", namespace)
    return {(one["reason"], one["message"]) for one in events if one["type"] == "Warning"}


@pytest.mark.usefixtures("operator")
def test_a_quota_on_tasks_in_one_namespace_leaves_out_that_participant_alone(
    federation: Federation, api: Api, s3_server: S3Server
) -> None:
    with quota(api, "at-bank-b", count__trainingtasks_fedtrain_dev="0"):
        federation.apply(api, s3_server)
        eventually(lambda: federation.condition(api, "TasksAccepted").get("status") == "False")
        message = federation.condition(api, "TasksAccepted")["message"]
        assert message.startswith("bank-b: the API server refused to create its task: 403 Forbidden: ")
        assert "quota: none" in message
        eventually(lambda: ("TaskRefused", message) in warnings(api, federation.namespace))
        assert federation.status(api)["phase"] == "Initialising"
        eventually(lambda: federation.at_banks(api, TASKS, "-bank-a-"))
        assert federation.at_banks(api, TASKS, "-bank-b-") == []
    eventually(lambda: federation.at_banks(api, TASKS, "-bank-b-"))
    eventually(lambda: federation.condition(api, "TasksAccepted").get("status") == "True")


@pytest.mark.usefixtures("operator")
def test_quotas_that_no_pod_meets_are_reported_for_a_participant_and_for_the_hub(
    federation: Federation, api: Api, s3_server: S3Server
) -> None:
    with quota(api, "at-bank-b", pods="0"), quota(api, federation.namespace, pods="0"):
        federation.apply(api, s3_server)
        for who in ("bank-b", "the hub"):
            words = f"{who}'s pod can't be created: exceeded quota: none"
            eventually(lambda words=words: words in federation.condition(api, "Startable").get("message", ""))
        message = federation.condition(api, "Startable")["message"]
        eventually(lambda: ("NotCreated", message) in warnings(api, federation.namespace))
        eventually(lambda: federation.at_banks(api, "v1/pods", "-bank-a-"))


@pytest.mark.usefixtures("operator")
def test_a_policy_that_is_lost_in_round_0_blocks_the_training_until_it_is_corrected(
    federation: Federation, api: Api, s3_server: S3Server
) -> None:
    federation.apply(api, s3_server)
    eventually(lambda: federation.status(api).get("round") == 0 and api.list(JOBS, federation.namespace))
    api.delete(POLICIES, "bank-b", "at-bank-b")
    try:
        eventually(lambda: federation.condition(api, "Accepted").get("reason") == "UnknownDataset")
        federation.change(api, rounds={"count": 3})
    finally:
        api.create(POLICIES, federation.policy("bank-b"), "at-bank-b")
    eventually(lambda: federation.condition(api, "Accepted").get("status") == "True")
    eventually(lambda: federation.condition(api, "Progressing").get("status") == "True")
    eventually(lambda: federation.at_banks(api, TASKS, "-bank-b-"))
