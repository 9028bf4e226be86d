"""Names of the ledger's objects, relative to the run's folder `<namespace>/<name>/`."""

RUN = "run.json"
ROUNDS = "rounds"
END = "end.json"
UPDATE_RECORD = "record.json"
PART_UPLOAD = ".upload"
"""Suffix of the claims of uploads in parts."""


def preflight(participant: str) -> str:
    return f"preflight/{participant}.json"


def round_folder(round: int) -> str:
    return f"{ROUNDS}/{round:04d}"


def initial() -> str:
    return "rounds/0000/initial.json"


def plan(round: int) -> str:
    return f"{round_folder(round)}/plan.json"


def grant(round: int, who: str, attempt: int) -> str:
    return f"{round_folder(round)}/attempts/{who}-{attempt}.json"


def updates_folder(round: int, participant: str) -> str:
    """The folder of all attempts of a participant in a round, with a `/` at its end."""
    return f"{round_folder(round)}/updates/{participant}/"


def update_folder(round: int, participant: str, attempt: int) -> str:
    return f"{updates_folder(round, participant)}{attempt}"


def update(round: int, participant: str, attempt: int) -> str:
    return f"{update_folder(round, participant, attempt)}/{UPDATE_RECORD}"


def noise_draw(round: int, participant: str, attempt: int) -> str:
    return f"{update_folder(round, participant, attempt)}/noise.json"


def update_file(plan: str | None, execution: str) -> str:
    """File name of an update: it names the plan, so no file or record made before the plan can count in its round.
    `plan`: the plan's digest; None for a task without one. `execution`: unique to one execution of a task."""
    return f"{plan_prefix(plan)}{execution}.safetensors" if plan else f"{execution}.safetensors"


def plan_prefix(plan: str) -> str:
    """Beginning of the names of all update files that were made for the plan with this digest."""
    return f"{plan.removeprefix('blake3:')[:32]}-"


def close(round: int, k: int) -> str:
    return f"{round_folder(round)}/close-{k}.json"


def aggregate(round: int, k: int) -> str:
    return f"{round_folder(round)}/aggregate-{k}.json"


def spend(round: int, k: int) -> str:
    """For the hub only: it holds the seed of the noise."""
    return f"{round_folder(round)}/spend-{k}.json"


def evaluation(round: int, k: int) -> str:
    return f"{round_folder(round)}/evaluation-{k}.json"


def manifest(round: int) -> str:
    return f"{round_folder(round)}/manifest.json"


def measurement(round: int, participant: str) -> str:
    return f"{round_folder(round)}/measurements/{participant}.json"


def exclusion(round: int, participant: str) -> str:
    return f"{round_folder(round)}/exclusions/{participant}.json"


def failure(number: int) -> str:
    return f"failures/{number:04d}.json"


def blob(digest: str) -> str:
    """`blobs/<hex>`: adapters, their config and server state, by content."""
    return f"blobs/{digest.removeprefix('blake3:')}"


def telemetry(path: str) -> str:
    """Outside the chain: seconds, hosts, bytes, logs."""
    return f"telemetry/{path}"


def runner_file(round: int) -> str:
    """What `fedtrain run` writes into the telemetry when a round ends."""
    return f"{round_folder(round)}/runner.json"


INCOMING = "incoming"


def incoming(run_id: str, name: str) -> str:
    """Where a participant leaves its record `name` until the coordinator admits it. The run's id tells it from a record
    of a run that was replaced."""
    return f"{INCOMING}/{run_id}/{name}"


COPIES = "copies"


def copy(run_id: str, readers: str, digest: str) -> str:
    """Copy of a blob that these participants read (`fedtrain.ledger.blob_copies`)."""
    return f"{copies(run_id)}{readers}/{digest.removeprefix('blake3:')}"


def copies(run_id: str) -> str:
    """The folder of all copies, with a `/` at its end."""
    return f"{COPIES}/{run_id}/"


def part_upload(run_id: str, name: str) -> str:
    """Claim: the server's id of the upload in parts that becomes the object `name`."""
    return f"{incoming(run_id, name)}{PART_UPLOAD}"
