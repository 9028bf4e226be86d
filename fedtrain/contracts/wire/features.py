"""Features that a receiver must know or refuse.

To add one: name it here with the predicate that says when a task needs it. The sender lists it from then on, and
receivers of this version know it.
"""

from collections.abc import Callable, Iterable, Mapping

from fedtrain.contracts.tasks import Task, Train


def _binds_to_plan(task: Task) -> bool:
    """The update's record must name the plan; the hub refuses a record that does not."""
    return isinstance(task.work, Train) and task.work.plan is not None


def _names_fields(task: Task) -> bool:
    """The rows have the fields of the format under other names."""
    return any(source.fields is not None for source in (task.data, *task.data.sources))


def _mixes_data_sets(task: Task) -> bool:
    """The rows are of several data sets, in the shares of the task."""
    return task.data.datasets is not None


def _has_base_server(task: Task) -> bool:
    """The base model is at a server that the task names, not at the environment's."""
    return task.model.s3 is not None


def _clips(task: Task) -> bool:
    """The participant clips its update; one that is not clipped would leave it."""
    return isinstance(task.work, Train) and task.work.clipping is not None


def _adds_noise(task: Task) -> bool:
    """The participant adds its share of the noise; without it, the sum would not be private."""
    return isinstance(task.work, Train) and task.work.noise is not None


def _trains_with_example_noise(task: Task) -> bool:
    """Gradients are clipped and noised at the participant; without it, the update would not be private."""
    return isinstance(task.work, Train) and task.work.example_noise is not None


FEATURES: Mapping[str, Callable[[Task], bool]] = {
    "BaseServer": _has_base_server,
    "DatasetMix": _mixes_data_sets,
    "ExampleNoise": _trains_with_example_noise,
    "FieldNames": _names_fields,
    "NoiseShare": _adds_noise,
    "PlanBinding": _binds_to_plan,
    "UpdateClipping": _clips,
}


def required_features(task: Task) -> tuple[str, ...]:
    """Return the features that the receiver of `task` must know, sorted."""
    return tuple(sorted(name for name, needs in FEATURES.items() if needs(task)))


def unknown_features(required: Iterable[str]) -> tuple[str, ...]:
    """Return the required features that this version does not know, sorted."""
    return tuple(sorted(set(required) - FEATURES.keys()))
