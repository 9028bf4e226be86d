"""The charts' NetworkPolicies: who gets them, and which connections they allow."""

from typing import Any

import pytest

from hack.cluster.api import Json
from tests.controlplane.both_charts import CHARTS, everything
from tests.controlplane.chart import HelmRefused
from tests.controlplane.objects_of_fedtrain import pytorch_job


def trainer_policies(chart: str, **values: Any) -> dict[str, Json]:
    """The NetworkPolicies of trainers by namespace."""
    bodies = [body for body in everything(chart, **values) if body["kind"] == "NetworkPolicy"]
    return {
        body["metadata"]["namespace"]: body["spec"]
        for body in bodies
        if body["metadata"]["name"].endswith(f"p-{chart}-trainers")
    }


NAMESPACED = {"mode": "Namespaces", "namespaces": ["hub"]}
OPENED: dict[str, tuple[dict[str, Any], set[str]]] = {
    "no namespace yet": ({}, set()),
    "namespaces that the operator may write in": (
        {"trainerNetworkPolicy.namespaces": ["bank-a", "hub"]},
        {"bank-a", "hub"},
    ),
    "mode Namespaces": ({"mode": "Namespaces", "namespaces": ["hub", "bank-b"]}, {"hub", "bank-b"}),
    "left out": (
        {"mode": "Namespaces", "namespaces": ["hub", "bank-b"], "trainerNetworkPolicy.enabled": False},
        set(),
    ),
}


@pytest.mark.parametrize(("values", "namespaces"), OPENED.values(), ids=OPENED.keys())
def test_namespaces_of_participants_at_the_hub_get_the_policy_of_a_participants_own_cluster(
    values: dict[str, Any], namespaces: set[str]
) -> None:
    found = trainer_policies("fedtrain", **values)
    (own,) = trainer_policies("fedtrain-participant").values()
    assert found == dict.fromkeys(namespaces, own)


DNS = [{"port": port, "protocol": protocol} for port in (53, 5353) for protocol in ("UDP", "TCP")]
"""OpenShift's DNS pods listen on 5353, and its network plugin looks at the port of the pod, not of the Service."""


@pytest.mark.parametrize("chart", CHARTS)
def test_dns_has_the_given_ports_by_default_those_of_openshift_too(chart: str) -> None:
    def dns(**values: Any) -> list[Json]:
        bodies = everything(chart, **values, **(NAMESPACED if chart == "fedtrain" else {}))
        return [body["spec"]["egress"][0] for body in bodies if body["kind"] == "NetworkPolicy"]

    assert dns() == [{"ports": DNS}] * 2
    assert dns(dnsPorts=[53]) == [{"ports": DNS[:2]}] * 2
    for none in ([], None):
        with pytest.raises(HelmRefused, match="dnsPorts"):  # a rule without ports would allow all
            dns(dnsPorts=none)


def test_trainers_connect_to_dns_each_other_and_the_given_ports_and_nothing_to_them() -> None:
    trainers = trainer_policies("fedtrain-participant")["training"]
    own = {"matchLabels": {"app.kubernetes.io/managed-by": "fedtrain"}}
    assert trainers["podSelector"] == own
    assert trainers["ingress"] == [{"from": [{"podSelector": own}]}]
    dns, each_other, outside = trainers["egress"]
    assert dns == {"ports": DNS}
    assert each_other == {"to": [{"podSelector": own}]}
    assert [port["port"] for port in outside["ports"]] == [443, 9000]
    assert pytorch_job("training", {})["spec"]["pytorchReplicaSpecs"]["Master"]["template"]["metadata"][
        "labels"
    ].items() >= (own["matchLabels"].items())
