"""The tasks of a training on a cluster, with the log lines that participants show the hub."""

from typing import Any

from fedtrain.cli.errors import UserError
from fedtrain.cli.kubectl import Kubectl

Json = dict[str, Any]


def cluster_logs(kubectl: Kubectl, training: str, participant: str | None, round: int | None) -> list[str]:
    """Return a text for each task, by round, participant and attempt. `training`: NAMESPACE/NAME. Raises UserError."""
    from fedtrain.manifests import labels

    namespace, slash, name = training.partition("/")
    if not slash:
        raise UserError(f"{training!r} is not NAMESPACE/NAME", "With --cluster, name the training as `namespace/name`.")
    selector = labels.selector({labels.TRAINING_NAMESPACE: namespace, labels.TRAINING: name})
    found: list[Json] = (kubectl.get("trainingtasks.fedtrain.dev", "-A", "-l", selector) or {}).get("items", [])
    tasks = [
        (labels.round_of(body), key.who, key.attempt, key.kind, body)
        for body in found
        if (key := labels.key_of(body, body["metadata"]["labels"].get(labels.RUN, ""))) is not None
    ]
    kept = [one for one in tasks if round in (None, one[0]) and participant in (None, one[1])]
    return [
        task_text(body, number, who, attempt, kind)
        for number, who, attempt, kind, body in sorted(kept, key=lambda one: one[:3])
    ]


def task_text(body: Json, round: int, who: str, attempt: int, work: str) -> str:
    """Return a heading with the phase and the reason, followed by the log lines. The participant has written both."""
    from fedtrain.plain_text import plain_text

    status: Json = body.get("status", {})
    ending = ": ".join(filter(None, (status.get("phase", "Pending"), status.get("message"))))
    heading = f"==> round {round}  {who}  {work}  attempt {attempt}  {plain_text(ending)}"
    lines = status.get("logTail", "").splitlines()
    return "\n".join((heading, *(f"    {plain_text(line)}" for line in lines)))
