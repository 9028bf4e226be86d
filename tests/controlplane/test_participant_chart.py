"""The chart fedtrain-participant: its schema refuses invalid values by field; all its rights are in one namespace."""

from typing import Any

import pytest
from ruamel.yaml import YAML

from fedtrain.manifests.settings import Hub, Settings
from hack.cluster.api import Json
from tests.controlplane.chart import CHART, KUBERNETES, PARTICIPANT_CHART, HelmRefused, helm, variables

INVITE = PARTICIPANT_CHART / "ci" / "invite-values.yaml"
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no participant": ({"participant": ""}, "/participant"),
    "a hub without TLS": ({"hub.server": "http://hub.example.org"}, "/hub/server"),
    "a password in the hub's address": ({"hub.server": "https://a:b@hub.example.org"}, "/hub/server"),
    "no token": ({"hub.token": ""}, "/hub"),
    "an invalid namespace": ({"hub.namespace": "Bank"}, "/hub/namespace"),
    "an unknown value": ({"hub.kubeconfig": "x"}, "additional properties 'kubeconfig' not allowed"),
    "a value of the other chart": ({"controllers": ["coordinator"]}, "additional properties 'controllers' not allowed"),
    "root": ({"podSecurityContext.runAsUser": 0}, "/podSecurityContext/runAsUser"),
}


def rendered(**values: Any) -> list[Json]:
    arguments = ("template", "p", PARTICIPANT_CHART, "--namespace=training", f"--kube-version={KUBERNETES}")
    text = helm(*arguments, f"--values={INVITE}", values=values)
    return [body for body in YAML(typ="safe").load_all(text) if body]


def test_lint_finds_nothing() -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", PARTICIPANT_CHART, f"--values={INVITE}")


@pytest.mark.parametrize(("values", "message"), WRONG.values(), ids=WRONG.keys())
def test_invalid_values_are_refused_by_field(values: dict[str, Any], message: str) -> None:
    with pytest.raises(HelmRefused) as refusal:
        rendered(**values)
    assert message in str(refusal.value)


def test_the_operator_reads_the_charts_variables() -> None:
    (deployment,) = [body for body in rendered(**{"hub.proxy": "http://proxy:3128"}) if body["kind"] == "Deployment"]
    settings = Settings.read(variables(deployment["spec"]["template"]["spec"]))
    assert (settings.controllers, settings.namespaces) == (("participant",), ("training",))
    assert settings.hub == Hub(
        server="https://hub.example.org:6443",
        namespace="bank-b",
        participant="bank-b",
        credentials="/var/run/fedtrain/hub",
        service_account="fedtrain-participant",
        token_secret="p-fedtrain-participant-hub-renewed",
        proxy="http://proxy:3128",
    )


def test_all_rights_are_in_the_releases_namespace() -> None:
    kinds = {body["kind"] for body in rendered()}
    assert not kinds & {"ClusterRole", "ClusterRoleBinding"}
    (role,) = [body for body in rendered() if body["kind"] == "Role"]
    secrets = [rule for rule in role["rules"] if "secrets" in rule["resources"]]
    assert [(rule["verbs"], rule["resourceNames"]) for rule in secrets] == [
        (["patch"], ["p-fedtrain-participant-hub-renewed"])
    ]


def test_both_charts_check_jobs_with_the_same_rules() -> None:
    name = "templates/_admission_jobs.tpl"
    assert (CHART / name).read_text() == (PARTICIPANT_CHART / name).read_text()


def test_an_existing_secret_replaces_the_token_in_the_values() -> None:
    bodies = rendered(**{"hub.existingSecret": "invitation", "hub.token": ""})
    assert [body["metadata"]["name"] for body in bodies if body["kind"] == "Secret"] == [
        "p-fedtrain-participant-hub-renewed"
    ]
    (deployment,) = [body for body in bodies if body["kind"] == "Deployment"]
    (volume,) = [one for one in deployment["spec"]["template"]["spec"]["volumes"] if one["name"] == "hub"]
    assert volume["projected"]["sources"][0] == {"secret": {"name": "invitation"}}
