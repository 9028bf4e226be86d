"""Who corrects what when a pod does not start: the fields behind a pod of a participant and of the hub. Pure."""

import re
from dataclasses import dataclass

from fedtrain.manifests.conditions import shortened

HUB = "the hub"
"""Stands for the hub where a participant is named."""
OUR_CONTAINERS = ("pytorch", "main")
"""The container of a participant's pod, which the training operator names, and that of a Job of the hub."""
_QUOTA = re.compile(r"(exceeded|failed) quota")
_REFERENCE = re.compile(r'^(?:failed to [^":]*"[^"]*": )+(?:\S+: (?=not found$))?')
"""The steps of containerd that name the image again."""
_LONGEST_CAUSE = 300


@dataclass(frozen=True)
class PodFields:
    """Fields that determine a pod, and whose they are, as clauses. `compute`: prefix of the fields of one node."""

    image: str
    pull_secrets: str
    pods: str
    compute: str
    owner: str
    administrator: str

    def node(self, *fields: str) -> str:
        """`compute.gpusPerNode` of participant bank-b; without fields, the whole `compute`."""
        paths = [f"{self.compute}.{field}" for field in fields] or [self.compute]
        return f"{' or '.join(f'`{path}`' for path in paths)}{self.owner}"


def fields_of(who: str) -> PodFields:
    """`who`: a participant, or `HUB`."""
    if who == HUB:
        return PodFields(
            image="`images` in the values of the hub's chart",
            pull_secrets="`hubPods.imagePullSecrets` there",
            pods="`hubPods` of the hub's chart",
            compute="evaluation.hub.compute",
            owner=" of the FederatedTraining",
            administrator="the administrator of the hub's cluster",
        )
    return PodFields(
        image=f"`images.trainer` in the values of the fedtrain chart in {who}'s cluster",
        pull_secrets=f"`pods.imagePullSecrets` of {who}'s ParticipantPolicy",
        pods=f"`pods` of {who}'s ParticipantPolicy",
        compute="compute",
        owner=f" of participant {who} in the FederatedTraining",
        administrator=f"the administrator of {who}'s cluster",
    )


def cannot_fetch(who: str, container: str, image: str, answer: str) -> str:
    """`answer`: of the registry, as the kubelet says it."""
    cause = shortened(_REFERENCE.sub("", answer), _LONGEST_CAUSE)
    fields = fields_of(who)
    check = (
        f"Ask {fields.administrator} to correct {fields.image} if the name or tag is wrong, or, if the registry "
        f"needs a login, to name its Secret in {fields.pull_secrets}"
        if container in OUR_CONTAINERS
        else f"It is the image of container {container}, which fedtrain does not set: ask {fields.administrator}"
    )
    said = f"its image can't be fetched{f' ({cause})' if cause else ''}: {image}"
    return f"{who}'s pod can't start: {said}. {check}. The pod starts by itself once the image can be fetched"


def cannot_start(who: str, message: str) -> str:
    """`message`: of the kubelet, about what the pod refers to."""
    fields, create = (
        fields_of(who),
        "Create it in the pod's namespace, or correct" if message.endswith("not found") else "Correct",
    )
    fix = f"{create} {fields.pods}, or ask {fields.administrator}"
    return f"{who}'s pod can't start: {message.rstrip('.')}. {fix}. The pod then starts by itself"


def not_admitted(who: str, what: str, refusal: str) -> str:
    """`refusal`: of the API server, which does not take a pod or its job. `what`: `pod`, or the kind of the job."""
    fields = fields_of(who)
    fix = (
        f"Ask {fields.administrator} to raise the quota, or lower {fields.node()}"
        if _QUOTA.search(refusal)
        else f"Correct {fields.pods}, or ask {fields.administrator}"
    )
    return f"{who}'s {what} can't be created: {refusal.rstrip('.')}. {fix}. It is tried again by itself"
