"""The modes of privacy on a real API server, with real trainers: participants that clip to an adaptive norm and add
noise, and DP-SGD for rows. The other modes have a run each in `test_data_set_mix_at_the_hub.py` (the hub clips to an
adaptive norm), `test_operator_rounds.py` (the hub, fixed) and `test_operator.py` (participants, fixed)."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from fedtrain.contracts import names
from fedtrain.contracts.records import Aggregate, Manifest, Plan
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.verify import verify
from fedtrain.privacy.noise_shares import share_multiplier
from hack.cluster.api import Api, Json
from hack.cluster.eventually import eventually
from hack.cluster.s3_server import S3Server
from tests.controlplane.training import POLICIES, TRAININGS, Federation

BUDGET = {"epsilon": 1000, "delta": 1e-5}
NOISE = {"type": "Multiplier", "multiplier": 0.5}
BY_PARTICIPANTS: Json = {
    "privacy": {
        "unit": "Participant",
        "budget": BUDGET,
        "noise": {**NOISE, "location": "Client"},
        "clipping": {"type": "Adaptive", "location": "Client", "adaptive": {"initialNorm": 0.05}},
    },
    "aggregation": {"weights": "Uniform"},
}
BY_ROWS: Json = {
    "privacy": {
        "unit": "Example",
        "budget": BUDGET,
        "noise": NOISE,
        "clipping": {"type": "Fixed", "norm": 0.05},
    },
}


@pytest.fixture
def noise_keys(api: Api, federation: Federation) -> Iterator[None]:
    """Secrets from which the participants draw their noise."""
    for who in federation.who:
        api.create("v1/secrets", {"metadata": {"name": "noise"}, "stringData": {"key": 64 * "7"}}, f"at-{who}")
        api.patch(POLICIES, who, {"spec": {"privacy": {"noiseKeySecretRef": {"name": "noise"}}}}, f"at-{who}")
    yield
    for who in federation.who:
        api.patch(POLICIES, who, {"spec": {"privacy": None}}, f"at-{who}")
        api.delete("v1/secrets", "noise", f"at-{who}")


@pytest.mark.slow
@pytest.mark.usefixtures("operator", "pods", "noise_keys")
def test_participants_clip_adaptively_and_add_noise_and_rows_are_protected(
    federation: Federation, api: Api, s3_server: S3Server
) -> None:
    rows = replace(federation, name="rows")
    common: Json = {"rounds": {"count": 1}, "evaluation": {}}
    federation.apply(api, s3_server, **common, **BY_PARTICIPANTS)
    rows.apply(api, s3_server, **common, **BY_ROWS)
    eventually(lambda: federation.has_ended(api) and rows.has_ended(api))

    ledger = recorded(federation, api, s3_server)
    plan, made = ledger.read(names.plan(1), Plan), ledger.read(names.aggregate(1, 1), Aggregate)
    assert plan is not None
    assert plan.privacy is not None
    assert (plan.privacy.clipping_location, plan.privacy.noise_shares) == ("Client", 2)
    assert plan.privacy.indicator_noise == 1.0
    assert made is not None
    assert made.privacy is not None
    share = share_multiplier(plan.privacy.update_multiplier, 2)
    assert made.privacy.noise_std == pytest.approx(share * 0.05 * 2**0.5 / 2)
    assert made.privacy.next_bound != 0.05, "it follows the norms"

    ledger = recorded(rows, api, s3_server)
    plan, newest = ledger.read(names.plan(1), Plan), ledger.read(names.manifest(1), Manifest)
    assert plan is not None
    assert newest is not None
    assert newest.privacy is not None
    noises = {member.participant: member.example_noise for member in plan.members}
    assert {who: noise.multiplier for who, noise in noises.items() if noise} == {"bank-a": 0.5, "bank-b": 0.5}
    assert {one.participant: one.steps for one in newest.privacy.participants} == {"bank-a": 2, "bank-b": 2}

    shown = columns(api, federation.namespace)
    assert shown[rows.name].endswith(
        "of 1000 (delta 1e-05, unit Example, row added or removed, participant adds noise, PLD)"
    )
    assert ", update zeroed, all but one participant trusted, exact Gaussian)" in shown[federation.name]
    rows.delete(api)


def recorded(federation: Federation, api: Api, s3_server: S3Server) -> Ledger:
    """The ledger of a training that has succeeded."""
    federation.succeeded(api)
    ledger = federation.ledger(s3_server)
    assert verify(ledger).sound
    return ledger


def columns(api: Api, namespace: str) -> dict[str, str]:
    """The column `Epsilon` of `kubectl get federatedtrainings`, by name."""
    table = api.table(TRAININGS, namespace)
    names_of = [column["name"] for column in table["columnDefinitions"] if column["priority"] == 0]
    rows = [
        dict(zip([one["name"] for one in table["columnDefinitions"]], row["cells"], strict=True))
        for row in table["rows"]
    ]
    assert "Epsilon" in names_of
    return {row["Name"]: row["Epsilon"] for row in rows}
