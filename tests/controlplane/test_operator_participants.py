"""What the hub knows of participants, on a real API server: which data they have, and whether they live."""

from pathlib import Path

import pytest

from hack.cluster.api import Api, Json
from hack.cluster.eventually import eventually
from hack.cluster.minio import Minio
from tests.controlplane.training import PARTICIPANTS, POLICIES, Federation
from tests.support.operating import Operator

pytestmark = pytest.mark.slow
LONG = 120


def record(api: Api, who: str) -> Json:
    return api.get(PARTICIPANTS, who).get("status", {})


def seen(federation: Federation, api: Api) -> Json:
    return federation.condition(api, "ParticipantsSeen")


def test_participants_give_signs_of_life_and_the_hub_says_who_has_not_for_long(
    operator_kubeconfig: Path, federation: Federation, api: Api, minio: Minio, tmp_path: Path
) -> None:
    banks = Operator(operator_kubeconfig, tmp_path, CONTROLLERS="participant", HEARTBEAT_SECONDS="1")
    hub = Operator(operator_kubeconfig, tmp_path, CONTROLLERS="coordinator", HEARTBEAT_SECONDS="1", RESYNC_SECONDS="1")
    with banks, hub:
        first = eventually(lambda: record(api, "bank-a").get("lastSeen"), LONG)
        eventually(lambda: record(api, "bank-a")["lastSeen"] != first, LONG)
        federation.apply(api, minio)
        eventually(lambda: seen(federation, api).get("status") == "True", LONG)
        banks.kill()
        lost = [f"{who} was last seen at {record(api, who)['lastSeen']}" for who in federation.who]
        eventually(lambda: all(text in seen(federation, api)["message"] for text in lost), LONG)
        assert seen(federation, api)["status"] == "False"
        banks.start()
        eventually(lambda: seen(federation, api).get("status") == "True", LONG)
        federation.delete(api)


def test_a_participants_record_says_what_its_policy_maps_now(
    operator_kubeconfig: Path, banks: Federation, api: Api, tmp_path: Path
) -> None:
    with Operator(operator_kubeconfig, tmp_path):
        eventually(lambda: record(api, "bank-a").get("datasets") == [{"name": "glosses"}], LONG)
        policy = api.get(POLICIES, "bank-a", "at-bank-a")["spec"]["datasets"]
        more = [*policy, {"name": "letters", "uri": "/data/letters.jsonl"}]
        try:
            api.patch(POLICIES, "bank-a", {"spec": {"datasets": more}}, "at-bank-a")
            eventually(
                lambda: record(api, "bank-a").get("datasets") == [{"name": "glosses"}, {"name": "letters"}], LONG
            )
        finally:
            api.patch(POLICIES, "bank-a", {"spec": {"datasets": policy}}, "at-bank-a")
        eventually(lambda: record(api, "bank-a").get("datasets") == [{"name": "glosses"}], LONG)
