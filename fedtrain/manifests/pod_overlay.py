"""A pod template with an owner's `pods` settings: a participant's policy, or the chart's `hubPods`. Pure."""

from collections.abc import Mapping, Sequence

from fedtrain.api.base import Block
from fedtrain.api.pods import Pods
from fedtrain.manifests.kinds import Json

NO_SIDECAR = {"sidecar.istio.io/inject": "false"}
"""A service mesh's sidecar keeps a job from completing. Istio reads the label; older versions read the annotation."""


def labels_of(pods: Pods, own: Mapping[str, str]) -> dict[str, str]:
    """Labels of a job or pod. `own`: those that fedtrain needs, which the owner cannot replace."""
    return {**NO_SIDECAR, **pods.labels, **own}


def annotations_of(pods: Pods) -> dict[str, str]:
    """Annotations of a job or pod."""
    return {**NO_SIDECAR, **pods.annotations}


def pod_template(pod: Json, pods: Pods, labels: Mapping[str, str]) -> Json:
    """The template of a job: `pod` with the owner's settings. `labels`: those that fedtrain needs."""
    metadata = {"labels": labels_of(pods, labels), "annotations": annotations_of(pods)}
    return {"metadata": metadata, "spec": laid_over(pod, pods)}


def laid_over(pod: Json, pods: Pods) -> Json:
    """`pod` with the owner's settings. Variables, volumes and mounts that fedtrain defines keep their value."""
    (container,) = pod["containers"]
    main = {
        **container,
        "env": _added(container["env"], _plain(pods.env), "name"),
        "volumeMounts": _added(container["volumeMounts"], _plain(pods.volume_mounts), "mountPath"),
        "securityContext": container["securityContext"] | _block(pods.container_security_context),
    }
    optional = {
        "nodeSelector": dict(pods.node_selector),
        "tolerations": _plain(pods.tolerations),
        "affinity": _block(pods.affinity) if pods.affinity else None,
        "topologySpreadConstraints": _plain(pods.topology_spread_constraints),
        "schedulerName": pods.scheduler_name,
        "priorityClassName": pods.priority_class_name,
        "runtimeClassName": pods.runtime_class_name,
        "serviceAccountName": pods.service_account_name,
        "imagePullSecrets": _plain(pods.image_pull_secrets),
    }
    return pod | {
        "containers": [main],
        "volumes": _added(pod["volumes"], _plain(pods.volumes), "name"),
        "securityContext": pod["securityContext"] | _filled(_block(pods.security_context)),
        **_filled(optional),
    }


def _added(own: list[Json], more: list[Json], by: str) -> list[Json]:
    taken = {item[by] for item in own}
    return own + [item for item in more if item[by] not in taken]


def _filled(fields: Json) -> Json:
    """The fields that are set."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def _plain(blocks: Sequence[Block]) -> list[Json]:
    return [_block(block) for block in blocks]


def _block(block: Block) -> Json:
    return block.model_dump(mode="json", by_alias=True, exclude_none=True)
