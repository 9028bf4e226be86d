"""A mix of data sets on a real API server: its names in the participants' policies, its shares, and the entries of each
owner's ledger of privacy."""

import json
from collections.abc import Iterator

import pytest

from fedtrain.contracts import names
from fedtrain.contracts.records import Aggregate, Plan
from fedtrain.manifests import privacy_ledger
from hack.cluster.api import Api, Json
from hack.cluster.eventually import eventually
from hack.cluster.s3_server import S3Server
from tests.controlplane.training import POLICIES, TASKS, Federation
from tests.unit.operator.worlds import task

MIX = {
    "dataset": None,
    "datasets": [{"name": "glosses", "share": 3}, {"name": "letters", "share": 1}],
    "format": "PromptCompletion",
    "maxLength": 48,
}
PRIVACY = {
    "unit": "Participant",
    "budget": {"epsilon": 1000, "delta": 1e-5},
    "noise": {"type": "Multiplier", "multiplier": 0.5},
    "clipping": {"type": "Adaptive", "adaptive": {"initialNorm": 0.05}},
}


def held(api: Api, federation: Federation, who: str, *more: str) -> None:
    """Let a participant's policy map "glosses" and these names."""
    first = federation.policy(who)["spec"]["datasets"]
    datasets = [*first, *({"name": name, "uri": str(federation.folder / "test.jsonl")} for name in more)]
    api.patch(POLICIES, who, {"spec": {"datasets": datasets}}, f"at-{who}")


def refused(api: Api, name: str) -> Json:
    """The status of a task of bank-b with the mix, once it is refused."""
    asked = task("bank-b", data=MIX)
    asked["metadata"] |= {"namespace": "at-bank-b", "name": name}
    api.create(TASKS, asked, "at-bank-b")

    def status() -> Json:
        return api.get(TASKS, name, "at-bank-b").get("status", {})

    eventually(lambda: status().get("phase") == "Refused")
    return status()


@pytest.fixture
def one_lacks_letters(api: Api, federation: Federation) -> Iterator[None]:
    held(api, federation, "bank-a", "letters")
    yield
    for who in federation.who:
        held(api, federation, who)


@pytest.mark.slow
@pytest.mark.usefixtures("operator", "pods", "one_lacks_letters")
def test_a_mix_needs_all_its_names_in_each_policy_and_each_round_is_entered_for_each_data_set(
    federation: Federation, api: Api, s3_server: S3Server
) -> None:
    changes = {"rounds": {"count": 1}, "privacy": PRIVACY, "aggregation": {"weights": "Uniform"}, "evaluation": {}}
    partitioning = {"strategy": "FixedSize", "fixedSize": {"samples": 8}}
    federation.apply(api, s3_server, data=MIX, partitioning=partitioning, **changes)
    missing = "bank-b has no data set 'letters' (its policy has: glosses)"

    def only_bank_b_lacks_one() -> bool:
        message = federation.condition(api, "Accepted").get("message", "")
        return missing in message and "bank-a" not in message  # bank-a until its policy was seen

    eventually(only_bank_b_lacks_one)
    accepted = federation.condition(api, "Accepted")
    assert (accepted["status"], accepted["reason"]) == ("False", "UnknownDataset")
    assert federation.at_banks(api, TASKS) == []
    refusal = refused(api, f"mix-{federation.namespace}")
    assert refusal["reason"] == "UnknownDataset"
    assert refusal["message"].startswith("the policy of bank-b has no data set 'letters'; it has: glosses. Name one of")

    held(api, federation, "bank-b", "letters")
    federation.succeeded(api)
    ledger = federation.ledger(s3_server)
    plan, made = ledger.read(names.plan(1), Plan), ledger.read(names.aggregate(1, 1), Aggregate)
    assert plan is not None
    assert plan.privacy is not None
    assert (plan.privacy.clipping_location, plan.privacy.indicator_noise) == (None, 1.0)
    assert made is not None
    assert made.privacy is not None
    assert made.privacy.noise_std == pytest.approx(plan.privacy.update_multiplier * 0.05 / 2)
    assert made.privacy.next_bound != 0.05, "the norm adapts"
    for member in plan.members:
        assert {one.name: one.samples for one in member.datasets or ()} == {"glosses": 6, "letters": 2}
        entries = api.get("v1/configmaps", privacy_ledger.CONFIG_MAP, f"at-{member.participant}")["data"]
        mine = {key: json.loads(text) for key, text in entries.items() if key.endswith(plan.run_id)}
        assert {key.split(".")[1]: entry["releases"] for key, entry in mine.items()} == {
            "glosses": {"0.5": 1},
            "letters": {"0.5": 1},
        }
