"""What this machine adds to a task: locations and access to them, with the paths and credentials of this machine."""

from pathlib import Path
from typing import TypeVar

from fedtrain.api.base import in_bytes, smallest
from fedtrain.api.places import short_path
from fedtrain.api.reading.federation import Federation
from fedtrain.api.storage import File, S3Access, Storage
from fedtrain.contracts.places import Place, Places, places_of_hub, places_of_participant
from fedtrain.contracts.tasks import Binding, Evaluate, Inspect, Task, needs_noise_key
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.open import open_ledger
from fedtrain.runner.errors import RunError
from fedtrain.runner.secret_keys import key_file, secret_key

Access = TypeVar("Access", bound=S3Access)


def storage_of(federation: Federation) -> Storage:
    """Return the file's storage with absolute paths; they are relative to the file."""
    storage = federation.training.spec.storage
    if storage.type == "S3":
        return storage.model_copy(update={"s3": _here(federation, storage.s3)}) if storage.s3 else storage
    path = federation.resolve((storage.file or File()).path)
    return Storage(type="File", file=File(path=path))


def ledger_of(federation: Federation, reading: bool = False) -> Ledger:
    """Return the ledger of the file's run. `reading`: see `open_store`. Raises StoreError."""
    metadata = federation.training.metadata
    return open_ledger(storage_of(federation), metadata.namespace, metadata.name, reading)


def local_folder(federation: Federation) -> Path:
    """Return the folder of what a run keeps on this machine only: beside the run in a folder, else in the current
    directory."""
    metadata, storage = federation.training.metadata, storage_of(federation)
    root = Path(storage.file.path) if storage.file else Path("runs")
    return root / metadata.namespace / metadata.name / "telemetry"


def fingerprint_keys(federation: Federation) -> Path:
    """Return the folder of the participants' keys of fingerprints, which the runs of a folder share: a comparison
    measures several runs on the rows that one of them has counted."""
    return _kept(federation) / ".fingerprint-keys"


def noise_keys(federation: Federation) -> Path:
    """Return the folder of the participants' keys of shares of noise, which the runs of a folder share: a share also
    depends on the run's id. It is not part of a run, whose telemetry may be deleted: a new key is another share."""
    return _kept(federation) / ".noise-keys"


def _kept(federation: Federation) -> Path:
    """Return the folder of the runs; beside the file if runs are in a bucket."""
    storage = storage_of(federation)
    return Path(storage.file.path if storage.file else federation.resolve("./runs"))


def missing_key(federation: Federation, task: Task) -> str | None:
    """Return why a task cannot show that its rows are those that the run has counted; None if it can. Only a new key,
    of a task that counts, may be created: with another one, the same rows have another fingerprint."""
    if task.participant is None or isinstance(task.work, Inspect):
        return None
    file = key_file(fingerprint_keys(federation), task.participant)
    if file.exists():
        return None
    return (
        f"the key of the fingerprint of its rows, {short_path(str(file))}, is missing. Copy it from the folder or "
        "machine where the run began"
    )


def bind(federation: Federation, task: Task) -> Binding:
    """Return the binding of one task. Raises RunError if the key of the rows' fingerprint is missing."""
    spec = federation.training.spec
    initial = spec.model.adapter.initial_from
    base = base_path(federation)
    initial_path = federation.resolve(initial.uri) if initial else None
    if task.participant is None:
        hub = spec.evaluation.hub if isinstance(task.work, Evaluate) else None
        held_out = hub.data if hub is not None else None
        return Binding(
            places=_here_all(federation, places_of_hub(spec.storage, spec.model, held_out)),
            base_path=base,
            initial_path=initial_path,
            data_uris=(federation.resolve(held_out.uri),) if held_out is not None else (),
            gpu_memory=in_bytes(hub.compute.gpu_memory) if hub is not None else None,
        )
    if (missing := missing_key(federation, task)) is not None:
        raise RunError(f"{task.participant}: {missing}")
    policy = federation.policies[task.participant].spec
    datasets = policy.named(spec.data.names)
    return Binding(
        places=_here_all(federation, places_of_participant(spec.storage, spec.model, policy, datasets)),
        base_path=base,
        initial_path=initial_path,
        data_uris=tuple(federation.resolve(dataset.uri) for dataset in datasets),
        gpu_memory=in_bytes(smallest(policy.limits.gpu_memory, spec.participant(task.participant).compute.gpu_memory)),
        noise_key=secret_key(noise_keys(federation), task.participant) if needs_noise_key(task) else None,
        fingerprint_key=secret_key(fingerprint_keys(federation), task.participant),
    )


def data_of(federation: Federation, participant: str) -> list[tuple[str, Place]]:
    """Return the locations of a participant's data sets on this machine, in the order of the training, and the access
    to each."""
    spec, policy = federation.training.spec, federation.policies[participant].spec
    datasets = policy.named(spec.data.names)
    places = _here_all(federation, places_of_participant(spec.storage, spec.model, policy, datasets))
    uris = (federation.resolve(dataset.uri) for dataset in datasets)
    return list(zip(uris, places.data, strict=True))


def base_path(federation: Federation) -> str | None:
    """A folder's absolute path; model ids and s3:// are used as they are."""
    resolved = federation.resolve(federation.training.spec.model.base)
    return resolved if Path(resolved).is_dir() else None


def _here_all(federation: Federation, places: Places) -> Places:
    def place(one: Place) -> Place:
        return one.model_copy(update={"s3": _here(federation, one.s3)})

    data = tuple(place(one) for one in places.data)
    return Places(ledger=storage_of(federation), base=place(places.base), data=data)


def _here(federation: Federation, s3: Access) -> Access:
    """Access from this machine: Secrets are for clusters, and paths are relative to the file."""
    ca_file = federation.resolve(s3.ca_file) if s3.ca_file is not None else None
    return s3.model_copy(update={"credentials_secret_ref": None, "ca_file": ca_file})
