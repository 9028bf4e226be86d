"""What the executing side adds to a task: the places that its owner's policy names."""

from pathlib import Path

from fedtrain.api.base import smallest_quantity
from fedtrain.api.reading.federation import Federation
from fedtrain.api.storage import File, Storage
from fedtrain.contracts.tasks import Binding, Evaluate, Task


def storage_of(federation: Federation) -> Storage:
    """The file's storage; paths are relative to the file, as every path in it is."""
    storage = federation.training.spec.storage
    if storage.type == "S3":
        if storage.s3 is None or storage.s3.ca_file is None:
            return storage
        own = storage.s3.model_copy(update={"ca_file": federation.resolve(storage.s3.ca_file)})
        return storage.model_copy(update={"s3": own})
    path = federation.resolve((storage.file or File()).path)
    return Storage(type="File", file=File(path=path))


def bind(federation: Federation, task: Task) -> Binding:
    """The binding of one task."""
    spec = federation.training.spec
    initial = spec.model.adapter.initial_from
    common = Binding(
        storage=storage_of(federation),
        base_path=_base_path(federation),
        initial_path=federation.resolve(initial.uri) if initial else None,
    )
    if task.participant is None:
        hub = spec.evaluation.hub
        if hub is None or not isinstance(task.work, Evaluate):
            return common
        return common.model_copy(
            update={
                "data_uri": federation.resolve(hub.data.uri),
                "gpu_memory": smallest_quantity(hub.compute.gpu_memory),
            }
        )
    policy = federation.policies[task.participant].spec
    dataset = next(dataset for dataset in policy.datasets if dataset.name == spec.data.dataset)
    memory = smallest_quantity(policy.limits.gpu_memory, spec.participant(task.participant).compute.gpu_memory)
    return common.model_copy(update={"data_uri": federation.resolve(dataset.uri), "gpu_memory": memory})


def _base_path(federation: Federation) -> str | None:
    """A folder is bound to its place here; hub ids and s3:// are their own."""
    resolved = federation.resolve(federation.training.spec.model.base)
    return resolved if Path(resolved).is_dir() else None
