"""The chart's values: the schema refuses invalid ones by field; valid ones make objects that an API server accepts."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from fedtrain.api.pods import Pods, PodSecurityContext
from fedtrain.cli.hub_operator import HubOperatorType
from fedtrain.manifests.invitation import DEFAULT_OPERATOR
from fedtrain.manifests.namespace_role import namespace_role
from fedtrain.manifests.settings import Settings
from hack.cluster.api import Json
from hack.cluster.control_plane import ControlPlane
from tests.controlplane.chart import CHART, KUBERNETES, HelmRefused, helm, variables

NAMESPACED = {"mode": "Namespaces", "namespaces": ["team", "at-bank-a"]}
EVERYTHING = {
    "metrics.serviceMonitor.enabled": True,
    "metrics.serviceMonitor.labels": {"release": "prometheus"},
    "metrics.podMonitor.enabled": True,
    "metrics.prometheusRule.enabled": True,
    "podDisruptionBudget.enabled": True,
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
    "commonLabels": {"team": "platform"},
    "commonAnnotations": {"cost": "research"},
    "images.registry": "mirror.example.org",
    "logLevel": "warning",
    "networkPolicy.enabled": True,
    "networkPolicy.from": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}],
    "imagePullSecrets": [{"name": "registry"}],
    "images.operator.digest": "sha256:" + "0" * 64,
    "env": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
    "volumes": [{"name": "authorities", "configMap": {"name": "authorities"}}],
    "volumeMounts": [{"name": "authorities", "mountPath": "/authorities"}],
    "nodeSelector": {"pool": "system"},
    "tolerations": [{"key": "system", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "priorityClassName": "system-cluster-critical",
    "podAnnotations": {"team": "platform"},
    "podLabels": {"part": "operator"},
    "serviceAccount.annotations": {"role": "store"},
    "hubPods": {
        "imagePullSecrets": [{"name": "registry"}],
        "resources": {"limits": {"memory": "2Gi"}},
        "serviceAccountName": "hub",
        "volumes": [
            {"name": "cache", "hostPath": {"path": "/var/cache"}},
            {"name": "authority", "configMap": {"name": "authority"}},
            {"name": "rows", "persistentVolumeClaim": {"claimName": "rows"}},
            {"name": "keys", "secret": {"secretName": "keys"}},
        ],
        "env": [{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hf", "key": "token"}}}],
        "annotations": {"team": "platform"},
        "affinity": {"nodeAffinity": {}},
        "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
        "priorityClassName": "research",
    },
}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown mode": ({"mode": "Namespace"}, "/mode"),
    "mode Namespaces without namespaces": ({"mode": "Namespaces"}, "/namespaces"),
    "namespaces with mode Cluster": ({"namespaces": ["team"]}, "/namespaces"),
    "a namespace twice": ({"mode": "Namespaces", "namespaces": ["team", "team"]}, "/namespaces"),
    "an invalid namespace": ({"mode": "Namespaces", "namespaces": ["Team"]}, "/namespaces/0"),
    "an unknown controller": ({"controllers": ["coordinators"]}, "/controllers/0"),
    "no controllers": ({"controllers": []}, "/controllers"),
    "an unknown value": ({"image": "mine"}, "additional properties 'image' not allowed"),
    "a misspelt value": ({"images.operator.tags": "1"}, "/images/operator"),
    "an invalid tag": ({"images.trainer.tag": "a/b"}, "/images/trainer/tag"),
    "a repository with a tag": ({"images.trainer.repository": "mine/trainer:1"}, "/images/trainer/repository"),
    "an invalid digest": ({"images.operator.digest": "blake3:00"}, "/images/operator/digest"),
    "an unknown pull policy": ({"images.operator.pullPolicy": "Sometimes"}, "/images/operator/pullPolicy"),
    "a string instead of a boolean": ({"crds.keep": "yes"}, "/crds/keep"),
    "an interval of 0": ({"resyncSeconds": 0}, "/resyncSeconds"),
    "namespaces twice": (
        {**NAMESPACED, "trainerNetworkPolicy.namespaces": ["team"]},
        "/trainerNetworkPolicy/namespaces",
    ),
    "an invalid port": ({"networkPolicy.egressPorts": [70000]}, "/networkPolicy/egressPorts/0"),
    "an invalid interval": ({"metrics.serviceMonitor.interval": "often"}, "/metrics/serviceMonitor/interval"),
    "a ServiceMonitor without metrics": (
        {"metrics.enabled": False, "metrics.serviceMonitor.enabled": True},
        "metrics.enabled",
    ),
    "an unknown field of hubPods": ({"hubPods.nodes": {}}, "/hubPods"),
    "root as the operator's user": ({"podSecurityContext.runAsUser": 0}, "/podSecurityContext/runAsUser"),
    "root as the user of the hub's pods": (
        {"hubPods.securityContext.runAsUser": 0},
        "/hubPods/securityContext/runAsUser",
    ),
    "a string for admissionPolicies.enabled": ({"admissionPolicies.enabled": "no"}, "/admissionPolicies/enabled"),
}


def rendered(**values: Any) -> list[Json]:
    text = helm("template", "fedtrain", CHART, "--namespace=fedtrain", f"--kube-version={KUBERNETES}", values=values)
    return [found for found in YAML(typ="safe", pure=True).load_all(text) if found]


def rendered_by(text: str) -> list[Json]:
    """The objects in the output of `helm install --dry-run`."""
    documents = re.split(r"^---$", text, flags=re.MULTILINE)
    loaded = [YAML(typ="safe", pure=True).load(document) for document in documents if "\nkind: " in document]
    return [found for found in loaded if found]


def of_kind(kind: str, objects: list[Json]) -> list[Json]:
    return [found for found in objects if found["kind"] == kind]


def pods(objects: list[Json]) -> Iterator[Json]:
    """Specs of all pods, including those of hooks."""
    for found in objects:
        if found["kind"] == "Pod":
            yield found["spec"]
        elif found["kind"] in ("Deployment", "Job"):
            yield found["spec"]["template"]["spec"]


@pytest.mark.parametrize("wrong", WRONG)
def test_refuse_an_invalid_value_by_name(wrong: str) -> None:
    values, field = WRONG[wrong]
    with pytest.raises(HelmRefused) as refusal:
        rendered(**{"crds.enabled": False, **values})
    assert field in str(refusal.value)


def test_pass_helm_lint() -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", CHART)


@pytest.mark.parametrize("mode", [{}, NAMESPACED], ids=["Cluster", "Namespaces"])
@pytest.mark.parametrize(
    "controllers", [["coordinator", "participant"], ["coordinator"], ["participant"]], ids=", ".join
)
@pytest.mark.parametrize("more", [{}, EVERYTHING], ids=["plain", "with everything"])
def test_make_objects_that_the_api_server_accepts(
    kinds: ControlPlane, mode: dict[str, Any], controllers: list[str], more: dict[str, Any], tmp_path: Path
) -> None:
    objects = rendered(**{"crds.enabled": False, "controllers": controllers}, **mode, **more)
    known = [found for found in objects if not found["apiVersion"].startswith("monitoring")]  # not installed
    assert len(objects) - len(known) == (3 if more else 0)
    for found in known:
        found["metadata"].pop("namespace", None)
    if kinds.api.find("v1/serviceaccounts", "fedtrain", "default") is None:  # the API server refuses Pods without it
        kinds.api.create("v1/serviceaccounts", {"metadata": {"name": "fedtrain"}}, "default")
    file = tmp_path / "objects.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": known}))
    kinds.kubectl("apply", "--dry-run=server", "--namespace=default", "-f", file)
    for pod in pods(objects):
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_pass_values_on_to_the_operators_settings() -> None:
    values = {
        **NAMESPACED,
        "controllers": ["participant"],
        "images.operator.tag": "2",
        "images.operator.pullPolicy": "Always",
        "images.trainer.pullPolicy": "Never",
        "images.trainer.digest": "sha256:" + "0" * 64,
        "resyncSeconds": 60,
        "podCheckSeconds": 5,
        "heartbeatSeconds": 300,
        "metrics.enabled": False,
        "hubPods": {"nodeSelector": {"pool": "hub"}},
    }
    (deployment,) = of_kind("Deployment", rendered(**{"crds.enabled": False}, **values))
    told = Settings.read(variables(deployment["spec"]["template"]["spec"]))
    assert told.hub_image == "localhost/fedtrain/operator:2"
    assert told.trainer_image == "localhost/fedtrain/trainer@sha256:" + "0" * 64
    assert (told.hub_pull_policy, told.trainer_pull_policy) == ("Always", "Never")
    assert (told.namespaces, told.controllers) == (("team", "at-bank-a"), ("participant",))
    assert (told.resync, told.pod_check, told.heartbeat, told.metrics_port) == (60, 5, 300, 0)
    assert told.hub_pods.node_selector == {"pool": "hub"}
    assert told.hub_pods.resources == Pods().resources, "the chart's default is that of a policy"
    assert told.hub_pods.security_context == Pods().security_context


RELEASES: dict[str, tuple[str, dict[str, Any], str | None]] = {
    # name, values, and --operator of the notes
    "default": ("fedtrain", {}, None),
    "another name": ("hub", {}, "fedtrain/hub-fedtrain"),
    "another ServiceAccount": ("fedtrain", {"serviceAccount.name": "robot"}, "fedtrain/robot/fedtrain"),
    "the ServiceAccount's name only": (
        "hub",
        {"serviceAccount.name": "fedtrain"},
        "fedtrain/fedtrain/hub-fedtrain",
    ),
}


@pytest.mark.parametrize("release", RELEASES)
def test_name_the_roles_that_exist_in_notes_and_to_the_operator(kinds: ControlPlane, release: str) -> None:
    name, values, operator = RELEASES[release]
    arguments = ("install", name, CHART, "--namespace=fedtrain", "--dry-run=client", "--take-ownership")
    text = helm(*arguments, values={"crds.enabled": False, **values}, kubeconfig=kinds.kubeconfig)
    manifest, _, notes = text.partition("\nNOTES:\n")
    found = re.search(r"--operator (\S+)", notes)
    assert (found and found.group(1)) == operator
    bound = HubOperatorType().convert(operator, None, None) if operator else DEFAULT_OPERATOR
    roles = set(re.findall(r"--clusterrole=(\S+)", notes))
    (deployment,) = of_kind("Deployment", rendered_by(manifest))
    prefix = Settings.read(variables(deployment["spec"]["template"]["spec"])).role_prefix
    assert roles == {namespace_role(prefix, place) for place in ("training", "participant")}
    assert bound.role in roles
    assert roles < {body["metadata"]["name"] for body in of_kind("ClusterRole", rendered_by(manifest))}


def test_leave_the_user_ids_of_hub_pods_to_the_cluster_where_they_are_null() -> None:
    ids = {f"hubPods.securityContext.{name}": None for name in ("runAsUser", "runAsGroup", "fsGroup")}
    (deployment,) = of_kind("Deployment", rendered(**{"crds.enabled": False}, **ids))
    settings = Settings.read(variables(deployment["spec"]["template"]["spec"]))
    assert settings.hub_pods.security_context == PodSecurityContext()


def test_create_no_admission_policies_where_they_are_disabled() -> None:
    made = rendered(**{"crds.enabled": False, "admissionPolicies.enabled": False})
    assert not [found for found in made if found["kind"].startswith("ValidatingAdmissionPolicy")]


def test_install_the_generated_kinds_and_keep_them_by_default() -> None:
    objects = rendered()
    made = {found["metadata"]["name"]: found for found in of_kind("CustomResourceDefinition", objects)}
    files = (YAML(typ="safe", pure=True).load(path.read_text()) for path in CHART.glob("files/crds/*.yaml"))
    assert {name: found["spec"] for name, found in made.items()} == {
        found["metadata"]["name"]: found["spec"] for found in files
    }
    assert {found["metadata"]["annotations"]["helm.sh/resource-policy"] for found in made.values()} == {"keep"}
    going = of_kind("CustomResourceDefinition", rendered(**{"crds.keep": False}))
    assert len(going) == len(made)
    assert not any("annotations" in found["metadata"] for found in going)


def test_create_no_rights_where_they_are_disabled() -> None:
    made = rendered(**{"crds.enabled": False, "rbac.create": False, "serviceAccount.create": False})
    assert not {found["kind"] for found in made} & {"ClusterRole", "ClusterRoleBinding", "Role", "ServiceAccount"}


def test_install_the_uninstall_hook_with_the_coordinator_unless_it_is_disabled() -> None:
    assert of_kind("Job", rendered(**{"crds.enabled": False, "controllers": ["participant"]})) == []
    assert of_kind("Job", rendered(**{"crds.enabled": False, "uninstall.refuseWithTrainings": False})) == []
    assert len(of_kind("Job", rendered(**{"crds.enabled": False}))) == 1
