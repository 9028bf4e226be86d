"""The objects of both charts as `helm template` renders them, without a cluster."""

from typing import Any

from ruamel.yaml import YAML

from hack.cluster.api import Json
from tests.controlplane.chart import CHART, KUBERNETES, PARTICIPANT_CHART, helm

INVITE = PARTICIPANT_CHART / "ci" / "invite-values.yaml"
CHARTS = {"fedtrain": (CHART, ()), "fedtrain-participant": (PARTICIPANT_CHART, (f"--values={INVITE}",))}
MONITORED = {f"metrics.{name}.enabled": True for name in ("serviceMonitor", "podMonitor", "prometheusRule")}


def everything(chart: str, **values: Any) -> list[Json]:
    """The objects of a chart with everything that can be enabled."""
    folder, flags = CHARTS[chart]
    enabled = {**MONITORED, "podDisruptionBudget.enabled": True, "networkPolicy.enabled": True, **values}
    text = helm("template", "p", folder, f"--kube-version={KUBERNETES}", "--namespace=training", *flags, values=enabled)
    return [body for body in YAML(typ="safe").load_all(text) if body]
