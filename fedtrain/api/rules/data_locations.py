"""Rules on the data of participants and of the hub's evaluation."""

import os
import re
from collections.abc import Callable
from pathlib import Path, PureWindowsPath

from fedtrain.api.data_files import SUPPORTED, TYPES, file_type, unknown_type
from fedtrain.api.evaluation import EvaluationData
from fedtrain.api.participant_policy import Dataset
from fedtrain.api.places import is_file, is_folder, scheme
from fedtrain.api.rules.context import Context
from fedtrain.api.rules.disk import CORRECT_THE_PATH, absent, denied
from fedtrain.api.rules.rule import Rule, Violations, broken, rule
from fedtrain.api.rules.uris import bucket_is_valid, path_is_absolute, s3_only_with_bucket, scheme_is_supported

_WINDOWS = re.compile(r"[A-Za-z]:\\")
_HUB_ID = r"([A-Za-z0-9][A-Za-z0-9._-]*/)?[A-Za-z0-9][A-Za-z0-9._-]*"
Data = Dataset | EvaluationData
Find = Callable[[Path, str, Context], Violations]


def _check(block: type[Data], find: Find) -> Callable[[Data, Context], Violations]:
    """A check of the `uri` of a block, if it is a path on this machine."""

    def check(data: Data, context: Context) -> Violations:
        is_elsewhere = isinstance(data, Dataset) and context.is_elsewhere(data)
        if scheme(data.uri) == "file" and not is_elsewhere:
            yield from find(Path(context.resolve(data.uri)), data.uri, context)

    check.__name__, check.__doc__ = f"{block.__name__}{find.__name__}", find.__doc__
    return check


def _data_exist(path: Path, uri: str, context: Context) -> Violations:
    """Data at a path exist, a file or a folder, and the user may read them."""
    if (problem := denied(path)) is not None:
        yield broken(problem=problem[0], use=problem[1])
    elif not is_file(path) and not is_folder(path) and _WINDOWS.match(uri):
        name = PureWindowsPath(uri).name
        yield broken(problem=f"{uri} is a Windows path", use=f"Use a path on this machine, such as `./{name}`")
    elif not is_file(path) and not is_folder(path):
        used = _used(context)
        beside = (path.parent / (path.stem + suffix) for suffix in TYPES)
        near = next((file for file in beside if file not in used and is_file(file)), None)
        problem, use = absent(path, uri, used)
        if near:
            use = f"Use `{near.name}`"
        if use == CORRECT_THE_PATH and _is_id(path, uri):
            use = _saved(uri)
        yield broken(problem=problem, use=use)


def _is_id(path: Path, uri: str) -> bool:
    """Whether a path that does not exist looks like the id of a data set on Hugging Face."""
    is_path = "/" in uri and is_folder(path.parent)
    return re.fullmatch(_HUB_ID, uri) is not None and not is_path and file_type(uri) is None


def _saved(uri: str) -> str:
    """Return the fix for the id of a data set."""
    name = uri.rpartition("/")[2]
    return (
        f'Data sets are not downloaded from Hugging Face: save this one with `load_dataset("{uri}", split="train")'
        f'.save_to_disk("{name}")` in Python, and write `uri: ./{name}`. If it is a path, correct it; relative paths '
        "start at the folder of this file"
    )


def _used(context: Context) -> set[Path]:
    """The paths that the files name for data: one participant's rows are not suggested to another."""
    datasets = [dataset for policy in context.policies for dataset in policy.value.spec.datasets]
    hub = context.spec.evaluation.hub
    # a malformed file lacks some
    named = [getattr(data, "uri", None) for data in (*datasets, getattr(hub, "data", None))]
    return {Path(context.resolve(uri)) for uri in named if isinstance(uri, str) and scheme(uri) == "file"}


def _file_has_a_known_format(path: Path, uri: str, context: Context) -> Violations:
    """A data file is JSONL, JSON, CSV or Parquet, compressed with gzip or not."""
    if is_file(path) and file_type(path.name) is None:
        problem, fix = unknown_type(uri)
        yield broken(name=path.name, problem=problem, use=fix)


def _file_is_not_empty(path: Path, uri: str, context: Context) -> Violations:
    """A data file contains at least one row."""
    if is_file(path) and file_type(path.name) and path.stat().st_size == 0:
        yield broken(path=path)


def _folder_is_one_data_set(path: Path, uri: str, context: Context) -> Violations:
    """A folder is not a Hugging Face dictionary of data sets."""
    if is_file(path / "dataset_dict.json"):
        yield broken(path=path, uri=uri)


def _folder_contains_data(path: Path, uri: str, context: Context) -> Violations:
    """A folder contains data files, or is a Hugging Face data set on disk."""
    marked = is_file(path / "dataset_dict.json") or is_file(path / "dataset_info.json")
    if is_folder(path) and denied(path) is None and not marked and not _may_contain_data(path):
        yield broken(path=path)


def _may_contain_data(folder: Path) -> bool:
    """Whether the folder has a data file, or one inside it cannot be read, which is refused with the rows."""
    closed: list[OSError] = []
    files = (name for _, _, names in os.walk(folder, onerror=closed.append) for name in names)
    return any(file_type(name) for name in files) or bool(closed)


_MESSAGES: tuple[tuple[Find, str, str], ...] = (
    (_data_exist, "{problem}.", "{use}."),
    (
        _file_has_a_known_format,
        "{name} is {problem}.",
        "{use}.",
    ),
    (_file_is_not_empty, "{path} is empty.", "Write at least one row."),
    (_folder_is_one_data_set, "{path} is a dictionary of data sets.", "Use one of its folders, such as `{uri}/train`."),
    (_folder_contains_data, "{path} contains no data files.", f"Use a folder with files that end in {SUPPORTED}."),
)


def location_rules(block: type[Data]) -> tuple[Rule, ...]:
    """The rules on the `uri` of a block."""
    on_disk = [
        rule(block, "uri", message=text, fix=fix, scope="Disk")(_check(block, find)) for find, text, fix in _MESSAGES
    ]
    return (
        scheme_is_supported(block, "uri"),
        bucket_is_valid(block, "uri"),
        path_is_absolute(block, "uri"),
        s3_only_with_bucket(block, "uri"),
        *on_disk,
    )


@rule(
    EvaluationData,
    "uri",
    message="{uri} {relation} of {participant}.",
    fix="Use rows that no participant trains on.",
)
def evaluation_data_are_held_out(data: EvaluationData, context: Context) -> Violations:
    """The hub does not evaluate on a participant's training data: the same file or a link to it, or a folder with it,
    or a file in its folder."""
    here = _one_path(context, data.uri)
    for policy in context.policies:
        for dataset in policy.value.spec.datasets:
            if dataset.name not in context.spec.data.names:
                continue
            there = _one_path(context, dataset.uri)
            if here == there:
                relation = "is also the training data"
            elif there.startswith(f"{here.rstrip('/')}/"):
                relation = f"is a folder that contains {dataset.uri}, the training data"
            elif here.startswith(f"{there.rstrip('/')}/"):
                relation = f"is in the folder {dataset.uri}, all of which is the training data"
            else:
                continue
            yield broken(uri=data.uri, relation=relation, participant=policy.value.metadata.name)
            return


def _one_path(context: Context, uri: str) -> str:
    """Return the one path of all paths of a file; other locations as they are."""
    location = context.resolve(uri)
    return os.path.realpath(location) if scheme(location) == "file" else location


RULES = (*location_rules(Dataset), *location_rules(EvaluationData))
