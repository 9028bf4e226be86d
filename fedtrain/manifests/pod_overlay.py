"""A `pods` block laid over a pod: of a participant's policy, or the hub's own. Pure."""

from collections.abc import Sequence

from fedtrain.api.base import Block
from fedtrain.api.pods import Pods
from fedtrain.manifests.kinds import Json


def laid_over(pod: Json, pods: Pods) -> Json:
    """The pod with what its owner adds. What fedtrain itself sets stays: of two variables, volumes or mounts of one
    name, fedtrain's holds."""
    (container,) = pod["containers"]
    main = {
        **container,
        "env": _added(container["env"], _plain(pods.env), "name"),
        "volumeMounts": _added(container["volumeMounts"], _plain(pods.volume_mounts), "mountPath"),
    }
    added: Json = {"containers": [main], "volumes": _added(pod["volumes"], _plain(pods.volumes), "name")}
    if pods.node_selector:
        added["nodeSelector"] = dict(pods.node_selector)
    if pods.tolerations:
        added["tolerations"] = _plain(pods.tolerations)
    if pods.image_pull_secrets:
        added["imagePullSecrets"] = _plain(pods.image_pull_secrets)
    return pod | added


def _added(own: list[Json], more: list[Json], by: str) -> list[Json]:
    taken = {item[by] for item in own}
    return own + [item for item in more if item[by] not in taken]


def _plain(blocks: Sequence[Block]) -> list[Json]:
    return [block.model_dump(mode="json", by_alias=True, exclude_none=True) for block in blocks]
