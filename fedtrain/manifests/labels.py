"""Names and labels of what the coordinator makes: deterministic from the task's key, and back by the labels.

Owner references don't cross namespaces, so labels say whose an object is.
"""

import re

from blake3 import blake3

from fedtrain.contracts.records import Run
from fedtrain.manifests.kinds import Json, Ref
from fedtrain.rounds.snapshot import Kind, TaskKey

PREFIX = "fedtrain.dev"
MANAGED_BY = "app.kubernetes.io/managed-by"
TRAINING = f"{PREFIX}/training"
TRAINING_NAMESPACE = f"{PREFIX}/training-namespace"
RUN = f"{PREFIX}/run"
PARTICIPANT = f"{PREFIX}/participant"
HUB_JOB = f"{PREFIX}/hub-job"
ROUND = f"{PREFIX}/round"
KIND = f"{PREFIX}/kind"
ATTEMPT = f"{PREFIX}/attempt"
TASK = f"{PREFIX}/task"
"""On a PyTorchJob and its pods: the name of their TrainingTask."""
JOB = f"{PREFIX}/job"
"""On the pods of a hub's Job: its name."""

CLUSTER = f"{PREFIX}/cluster"
"""On a TrainingTask of a participant with a cluster of its own: `Own`."""
OWN_CLUSTER = "Own"

TRANSFER_SECRET = "fedtrain-transfer"
"""Secret with the signed requests of a participant's tasks, by uid."""
FINGERPRINT_SECRET = "fedtrain-fingerprint"
"""Secret of a participant's namespace with the key of the fingerprints of its rows."""

GPUS = f"{PREFIX}/gpus"
"""Annotation of a job: GPUs of all its pods."""

TASK_UID = f"{PREFIX}/task-uid"
"""Annotation of a job: uid of its TrainingTask."""

UPLOAD = f"{PREFIX}/upload"
"""Annotation of a job that uploads a trained update and needs no GPU."""

OURS = {MANAGED_BY: "fedtrain"}
"""On everything that fedtrain makes."""

LONGEST_NAME = 40
"""Characters of a name: PyTorchJob adds `-worker-<n>` to it, and DNS labels end at 63."""
_HASH = 6


def of_training(training: Ref) -> dict[str, str]:
    """On everything that is made for a training."""
    return {**OURS, TRAINING: training.name, TRAINING_NAMESPACE: training.namespace}


def of_task(run: Run, key: TaskKey) -> dict[str, str]:
    """On the TrainingTask or Job of a key."""
    who = {HUB_JOB: key.who[1:]} if key.who.startswith("_") else {PARTICIPANT: key.who}
    own = {RUN: run.run_id, ROUND: str(key.round), KIND: key.kind, ATTEMPT: str(key.attempt)}
    return of_training(Ref(run.namespace, run.name)) | who | own


def of_job(task: Json, who: str) -> dict[str, str]:
    """On the job of a TrainingTask with this metadata and on its pods. Only fedtrain's labels are copied: others could
    select the pods for the owner's Services, network policies or queues."""
    given: dict[str, str] = task.get("labels") or {}
    copied = {name: value for name, value in given.items() if name.startswith(f"{PREFIX}/")}
    return copied | {**OURS, PARTICIPANT: who, TASK: task["name"]}


def task_uid(job: Json) -> str | None:
    """The uid of the TrainingTask that a job was made for."""
    notes: dict[str, str] = job["metadata"].get("annotations") or {}
    return notes.get(TASK_UID)


def has_own_cluster(participant: Json) -> bool:
    """Whether a Participant trains in a cluster of its own."""
    return participant["spec"].get("cluster") == OWN_CLUSTER


def runs_elsewhere(task: Json) -> bool:
    """Whether a TrainingTask is for a participant with a cluster of its own."""
    labels: dict[str, str] = task["metadata"].get("labels") or {}
    return labels.get(CLUSTER) == OWN_CLUSTER


def training_of(body: Json) -> Ref | None:
    """Whose the object is, by its labels."""
    labels: dict[str, str] = body["metadata"].get("labels") or {}
    if TRAINING not in labels or TRAINING_NAMESPACE not in labels:
        return None
    return Ref(labels[TRAINING_NAMESPACE], labels[TRAINING])


_KINDS: dict[str, Kind] = {
    "Inspect": "Inspect",
    "Initialise": "Initialise",
    "Train": "Train",
    "Aggregate": "Aggregate",
    "Evaluate": "Evaluate",
    "Measure": "Measure",
}


def key_of(body: Json, run_id: str) -> TaskKey | None:
    """The key of an object of this run; None for what other runs, or other people, have made."""
    labels: dict[str, str] = body["metadata"].get("labels") or {}
    try:
        if labels[RUN] != run_id:
            return None
        who = f"_{labels[HUB_JOB]}" if HUB_JOB in labels else labels[PARTICIPANT]
        return TaskKey(int(labels[ROUND]), _KINDS[labels[KIND]], who, int(labels[ATTEMPT]))
    except (KeyError, ValueError):
        return None


def round_of(body: Json) -> int:
    """The number of the round whose adapter a task trains or measures; 0 if its labels name none. The key of a
    measurement is that of the round that would follow."""
    labels: dict[str, str] = body["metadata"].get("labels") or {}
    number = int(labels[ROUND]) if labels.get(ROUND, "").isdecimal() else 0
    return max(number - 1, 0) if labels.get(KIND) == "Measure" else number


def of_other_run(body: Json, run_id: str) -> bool:
    """Whether a task or Job was made for a run with another id than `run_id`."""
    labels: dict[str, str] = body["metadata"].get("labels") or {}
    return labels.get(RUN, run_id) != run_id


def name_of(run: Run, key: TaskKey) -> str:
    """`<training>-<round>-<kind>-<who>-<attempt>-<hash>`, lower case, `LONGEST_NAME` at most. The hash tells apart
    what the readable part does not: trainings of one name in two namespaces, runs of one name, long names."""
    what = key.who[1:] if key.who.startswith("_") else f"{key.kind.lower()}-{key.who}"
    identity = f"{run.namespace}/{run.name}/{run.run_id}/{key.round}/{key.kind}/{key.who}/{key.attempt}"
    return _short(f"{run.name}-{key.round}-{what}-{key.attempt}", identity)


def selector(labels: dict[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in labels.items())


def _short(readable: str, identity: str) -> str:
    if not readable[0].isalpha():
        readable = f"ft-{readable}"  # a Service's name, which pods' names become, begins with a letter
    readable = re.sub(r"[^-a-z0-9]", "-", readable)[: LONGEST_NAME - _HASH - 1].rstrip("-")
    return f"{readable}-{blake3(identity.encode()).hexdigest(length=_HASH // 2)}"
