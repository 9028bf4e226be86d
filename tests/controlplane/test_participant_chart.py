"""The chart fedtrain-participant: its schema refuses invalid values by field; all its rights are in one namespace."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from fedtrain_operator.coordinator.condition_metrics import CONDITIONS
from fedtrain_operator.kube.loops import LONGEST_PAUSE_SECONDS
from ruamel.yaml import YAML

from fedtrain.api.federated_training import FederatedTraining
from fedtrain.api.participant_policy import ParticipantPolicy
from fedtrain.api.participant_record import ParticipantRecord
from fedtrain.api.training_task import TrainingTask
from fedtrain.contracts.tasks import Task
from fedtrain.manifests.settings import Hub, Settings
from fedtrain.rounds.decision import FINISHED, STOPPED
from hack.cluster.api import Json
from hack.cluster.control_plane import ControlPlane
from tests.controlplane.both_charts import CHARTS, INVITE, everything
from tests.controlplane.chart import KUBERNETES, PARTICIPANT_CHART, HelmRefused, helm, variables
from tests.controlplane.training import ROOT
from tests.support import openshift

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no participant": ({"participant": ""}, "/participant"),
    "a hub without TLS": ({"hub.server": "http://hub.example.org"}, "/hub/server"),
    "a password in the hub's address": ({"hub.server": "https://a:b@hub.example.org"}, "/hub/server"),
    "no token": ({"hub.token": ""}, "/hub"),
    "no token at the hub": ({"hub.token": "", "kubeconfigSecret": "site"}, "/hub"),
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
        (["patch"], ["p-fedtrain-participant-hub-renewed"]),
        (["get", "patch"], ["fedtrain-transfer", "fedtrain-fingerprint"]),
    ]


COMMON = {"commonLabels": {"team": "platform"}, "commonAnnotations": {"cost": "research"}}


def templates(bodies: list[Json]) -> list[Json]:
    """Pods and pod templates."""
    return [body if body["kind"] == "Pod" else body["spec"]["template"] for body in bodies if body["kind"] in PODS]


PODS = ("Pod", "Deployment", "Job")
OTHER_ALERTS = {
    "ParticipantsSeen": "fedtrain_silent_participants",
    "Progressing": "fedtrain_training_no_progress_seconds",
}
"""Metrics of the conditions whose alerts ask for another metric."""
OWN_ALERTS = ("fedtrain_hub_contact_age_seconds", "fedtrain_hub_token_seconds", "fedtrain_tasks_waiting")
"""Metrics of what a participant with a cluster of its own lets a run wait for."""
PHASE_ALERTS = {"Failed": "FedtrainRunFailed", "Suspended": "FedtrainTrainingSuspended"}
"""Alerts on the phases in which no task runs until a user resumes the run."""
KINDS = {
    kind.__name__.replace("Record", ""): kind
    for kind in (FederatedTraining, ParticipantPolicy, ParticipantRecord, TrainingTask)
}


@pytest.mark.parametrize("chart", CHARTS)
def test_a_packaged_chart_contains_the_templates_that_both_charts_share(chart: str, tmp_path: Path) -> None:
    folder, flags = CHARTS[chart]
    helm("package", folder, f"--destination={tmp_path}")
    (package,) = tmp_path.iterdir()
    found = [helm("template", "p", one, f"--kube-version={KUBERNETES}", *flags) for one in (folder, package)]
    assert found[0] == found[1]
    assert "templates/common/deployment.yaml" in found[0]


@pytest.mark.parametrize("chart", CHARTS)
def test_all_objects_hooks_and_tests_have_the_common_labels_and_annotations(chart: str) -> None:
    bodies = everything(chart, **COMMON)
    for body in [*bodies, *templates(bodies)]:
        metadata = body["metadata"]
        assert metadata["labels"]["team"] == "platform", body
        assert metadata["annotations"]["cost"] == "research", body
    (test,) = [body for body in bodies if body["kind"] == "Pod"]
    assert test["metadata"]["annotations"]["helm.sh/hook"] == "test"


@pytest.mark.parametrize("chart", CHARTS)
def test_every_pod_has_requests_and_limits_and_may_leave_user_ids_to_the_cluster(chart: str) -> None:
    ids = {f"podSecurityContext.{name}": None for name in ("runAsUser", "runAsGroup", "fsGroup")}
    found = templates(everything(chart, **ids))
    assert len(found) >= 2
    for pod in (template["spec"] for template in found):
        assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        (container,) = pod["containers"]
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys() & container["resources"]["limits"].keys()
        assert openshift.faults(pod) == []


@pytest.mark.parametrize("chart", CHARTS)
def test_a_registry_replaces_that_of_both_images(chart: str) -> None:
    bodies = everything(chart, **{"images.registry": "mirror.example.org/all"})
    text = str(bodies)
    assert "mirror.example.org/all/fedtrain/operator:0.1.0" in text
    assert "mirror.example.org/all/fedtrain/trainer:0.1.0" in text
    assert "localhost" not in text


SPREAD = [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]


@pytest.mark.parametrize("chart", CHARTS)
def test_budget_spread_and_log_level_apply_to_the_operators_pod(chart: str) -> None:
    bodies = everything(chart, topologySpreadConstraints=SPREAD, logLevel="warning")
    (deployment,) = [body for body in bodies if body["kind"] == "Deployment"]
    (budget,) = [body for body in bodies if body["kind"] == "PodDisruptionBudget"]
    pod = deployment["spec"]["template"]
    assert budget["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert budget["spec"]["maxUnavailable"] == 0
    assert pod["spec"]["topologySpreadConstraints"] == SPREAD
    assert Settings.read(variables(pod["spec"])).log_level == "warning"


@pytest.mark.parametrize("chart", CHARTS)
def test_alerts_ask_for_metrics_that_the_operator_has(chart: str) -> None:
    (rule,) = [body for body in everything(chart) if body["kind"] == "PrometheusRule"]
    rules = rule["spec"]["groups"][0]["rules"]
    asked = {name for one in rules for name in re.findall(r"fedtrain_[a-z_]+", one["expr"])}
    sources = "".join(file.read_text() for file in (ROOT / "operator" / "fedtrain_operator").rglob("*.py"))
    assert {name for name in asked if f'"{name.removesuffix("_total")}"' not in sources} == set()
    conditions = {name for one in rules for name in re.findall('condition="([A-Za-z]+)"', one["expr"])}
    if chart == "fedtrain":
        assert conditions | OTHER_ALERTS.keys() == set(CONDITIONS), "each way to stand still has an alert"
        assert set(OTHER_ALERTS.values()) <= asked
        assert {one["alert"] for one in rules} >= {PHASE_ALERTS[phase] for phase in STOPPED - FINISHED}
    else:
        assert {*OWN_ALERTS, "fedtrain_reconcile_overdue_seconds"} <= asked, "each way to let a run stand still"
        reasons = [re.findall('reason(=~|!~)"([^"]+)"', one["expr"]) for one in rules if "tasks_waiting" in one["expr"]]
        ((first, some), (second, others)) = [found for (found,) in reasons]
        assert ({first, second}, some) == ({"=~", "!~"}, others), "tasks that wait for any reason"
    failing = next(one for one in rules if one["alert"] == "FedtrainOperatorFailing")
    tries, window, least = 300 / LONGEST_PAUSE_SECONDS, "[5m]", re.search("> ([0-9]+)$", failing["expr"])
    assert window in failing["expr"]
    assert least
    assert int(least[1]) < tries - 1, "one object whose passes fail is enough"
    assert {one["labels"]["severity"] for one in rules} <= {"info", "warning", "critical"}


def test_alerts_of_a_participant_follow_its_interval_of_heartbeats_and_the_life_that_its_hub_gives_tokens() -> None:
    def expressions(**values: Any) -> dict[str, str]:
        (rule,) = [one for one in everything("fedtrain-participant", **values) if one["kind"] == "PrometheusRule"]
        return {one["alert"]: one["expr"] for one in rule["spec"]["groups"][0]["rules"]}

    assert expressions()["FedtrainHubUnreachable"].endswith("> 300")
    assert expressions(heartbeatSeconds=600)["FedtrainHubUnreachable"].endswith("> 1800")
    assert "fedtrain_hub_token_seconds / fedtrain_hub_token_life_seconds" in expressions()["FedtrainHubTokenExpires"]


@pytest.mark.parametrize("chart", CHARTS)
def test_the_charts_metadata_is_complete(chart: str) -> None:
    content = YAML(typ="safe").load((CHARTS[chart][0] / "Chart.yaml").read_text())
    assert {"maintainers", "icon", "keywords", "kubeVersion", "appVersion"} <= content.keys()
    annotations = {name.removeprefix("artifacthub.io/"): value for name, value in content["annotations"].items()}
    assert {
        "category",
        "changes",
        "containsSecurityUpdates",
        "crds",
        "crdsExamples",
        "images",
        "license",
        "operator",
        "operatorCapabilities",
        "prerelease",
    } <= annotations.keys()
    for name in ("changes", "crds", "crdsExamples", "images"):
        assert YAML(typ="safe").load(annotations[name])
    examples = YAML(typ="safe").load(annotations["crdsExamples"])
    for example in examples:
        KINDS[example["kind"]].model_validate(example)
    for task in (example["spec"]["task"] for example in examples if example["kind"] == "TrainingTask"):
        Task.model_validate(task)
    images = {one["image"] for one in YAML(typ="safe").load(annotations["images"])}
    assert {image for image in images if image not in str(everything(chart))} == set()
    kinds = {body["spec"]["names"]["kind"] for body in everything(chart) if body["kind"] == "CustomResourceDefinition"}
    assert {one["kind"] for one in YAML(typ="safe").load(annotations["crds"])} == kinds
    assert {example["kind"] for example in examples} == kinds


def shared(one: Json, other: Json, path: str = "") -> dict[str, tuple[Json, Json]]:
    """The schemas of values that both charts have, by path; of maps, those of their fields."""
    found: dict[str, tuple[Json, Json]] = {}
    for name in one["properties"].keys() & other["properties"].keys():
        pair = one["properties"][name], other["properties"][name]
        if all("properties" in schema for schema in pair):
            found |= shared(*pair, f"{path}{name}.")
        else:
            found[f"{path}{name}"] = pair
    return found


def test_both_charts_accept_the_same_for_values_of_the_same_name() -> None:
    schemas = [json.loads((folder / "values.schema.json").read_text()) for folder, _ in CHARTS.values()]
    pairs = shared(*schemas)
    assert len(pairs) > 50
    assert {path for path, (one, other) in pairs.items() if one != other} == set()


def test_an_operator_at_the_hub_uses_the_kubeconfig_of_its_cluster() -> None:
    (deployment,) = [body for body in rendered(kubeconfigSecret="site") if body["kind"] == "Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    (volume,) = [one for one in pod["volumes"] if one["name"] == "cluster"]
    assert volume["secret"] == {"secretName": "site"}
    assert variables(pod)["KUBECONFIG"] == f"{mounts['cluster']}/kubeconfig"
    secrets = [body["metadata"]["name"] for body in rendered(kubeconfigSecret="site") if body["kind"] == "Secret"]
    assert secrets == ["p-fedtrain-participant-hub"], "the coordinator has a Secret fedtrain-transfer there"


def test_a_cluster_whose_operator_runs_at_the_hub_has_its_rights_and_no_pods() -> None:
    kinds = {body["kind"] for body in rendered(**{"operator.enabled": False})}
    assert not kinds & {"Deployment", "Service", "Pod"}
    assert {"Role", "ServiceAccount", "ValidatingAdmissionPolicy", "NetworkPolicy", "CustomResourceDefinition"} <= kinds


@pytest.mark.parametrize("token", [{}, {"hub.token": ""}, {"hub.token": None}], ids=["given", "empty", "null"])
def test_a_cluster_whose_operator_runs_at_the_hub_gets_no_token_of_the_hub(token: dict[str, Any]) -> None:
    bodies = rendered(**{"operator.enabled": False, **token})
    secrets = [body["metadata"]["name"] for body in bodies if body["kind"] == "Secret"]
    assert secrets == ["p-fedtrain-participant-hub-renewed", "fedtrain-transfer", "fedtrain-fingerprint"]
    assert YAML(typ="safe").load(INVITE.read_text())["hub"]["token"] not in str(bodies)


@pytest.mark.parametrize("here", [True, False])
def test_the_notes_name_the_check_of_a_pod_only_where_there_is_one(kinds: ControlPlane, here: bool) -> None:
    arguments = ("install", "p", PARTICIPANT_CHART, "--namespace=training", "--dry-run=client", f"--values={INVITE}")
    values = {"crds.enabled": False, "operator.enabled": here}
    notes = helm(*arguments, "--take-ownership", values=values, kubeconfig=kinds.kubeconfig).partition("\nNOTES:\n")[2]
    assert ("helm -n training test p" in notes) == here
    assert ('docs/participants.md, "Push".' in notes) != here


def test_an_existing_secret_replaces_the_token_in_the_values() -> None:
    bodies = rendered(**{"hub.existingSecret": "invitation", "hub.token": ""})
    assert [body["metadata"]["name"] for body in bodies if body["kind"] == "Secret"] == [
        "p-fedtrain-participant-hub-renewed",
        "fedtrain-transfer",
        "fedtrain-fingerprint",
    ]
    (deployment,) = [body for body in bodies if body["kind"] == "Deployment"]
    (volume,) = [one for one in deployment["spec"]["template"]["spec"]["volumes"] if one["name"] == "hub"]
    assert volume["projected"]["sources"][0] == {"secret": {"name": "invitation"}}
