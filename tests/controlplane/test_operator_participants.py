"""The hub's records of participants on a real API server: data sets and heartbeats."""

from pathlib import Path

from fedtrain.manifests.conditions import find
from hack.cluster.api import Api, Json
from hack.cluster.eventually import eventually
from hack.cluster.s3_server import S3Server
from tests.controlplane.training import PARTICIPANTS, POLICIES, Federation
from tests.support.operating import Operator


def record(api: Api, who: str) -> Json:
    return api.get(PARTICIPANTS, who).get("status", {})


def connected(api: Api, who: str) -> str:
    return (find(record(api, who).get("conditions", ()), "Connected") or {}).get("status", "")


def seen(federation: Federation, api: Api) -> Json:
    return federation.condition(api, "ParticipantsSeen")


def test_the_hub_shows_which_participants_are_silent(
    operator_kubeconfig: Path, federation: Federation, api: Api, s3_server: S3Server, zygote: str, tmp_path: Path
) -> None:
    often = {"HEARTBEAT_SECONDS": "1", "RESYNC_SECONDS": "1"}
    banks = Operator(operator_kubeconfig, tmp_path, zygote, CONTROLLERS="participant", **often)
    hub = Operator(operator_kubeconfig, tmp_path, zygote, CONTROLLERS="coordinator", **often)
    with banks, hub:
        first = eventually(lambda: record(api, "bank-a").get("lastSeen"))
        eventually(lambda: record(api, "bank-a")["lastSeen"] != first)
        federation.apply(api, s3_server)
        eventually(lambda: seen(federation, api).get("status") == "True")
        banks.kill()
        eventually(lambda: all(f"{who} since" in seen(federation, api).get("message", "") for who in federation.who))
        assert seen(federation, api)["status"] == "False"
        eventually(lambda: connected(api, "bank-a") == "False")
        banks.start()
        eventually(lambda: seen(federation, api).get("status") == "True")
        eventually(lambda: connected(api, "bank-a") == "True")
        federation.delete(api)


def test_a_participants_record_says_what_its_policy_maps_now(
    operator_kubeconfig: Path, banks: Federation, api: Api, zygote: str, tmp_path: Path
) -> None:
    with Operator(operator_kubeconfig, tmp_path, zygote):
        eventually(lambda: record(api, "bank-a").get("datasets") == [{"name": "glosses"}])
        policy = api.get(POLICIES, "bank-a", "at-bank-a")["spec"]["datasets"]
        more = [*policy, {"name": "letters", "uri": "/data/letters.jsonl"}]
        try:
            api.patch(POLICIES, "bank-a", {"spec": {"datasets": more}}, "at-bank-a")
            eventually(lambda: record(api, "bank-a").get("datasets") == [{"name": "glosses"}, {"name": "letters"}])
        finally:
            api.patch(POLICIES, "bank-a", {"spec": {"datasets": policy}}, "at-bank-a")
        eventually(lambda: record(api, "bank-a").get("datasets") == [{"name": "glosses"}])
