"""Rules on the places of data: these look at the disk, so they hold where the file is read."""

from pathlib import Path

from fedtrain.api.participant_policy import ParticipantPolicy
from fedtrain.api.places import is_file, is_folder, scheme
from fedtrain.api.rules.subject import Found, Place, Problem, Problems, Subject

SUFFIXES = (".jsonl", ".ndjson", ".parquet")
"""The kinds of file that rows are read from."""


def a_policys_data_are_there(subject: Subject, policy: Found[ParticipantPolicy]) -> Problems:
    """A data set's `uri`, when it is a path, exists: a .jsonl, .ndjson or .parquet file, a folder of those, or a
    Hugging Face data set on disk."""
    for number, dataset in enumerate(policy.value.spec.datasets):
        if hasattr(dataset, "uri"):
            yield from _data(subject, dataset.uri, policy.place.at("spec", "datasets", number, "uri"))


def the_hubs_data_are_there(subject: Subject) -> Problems:
    """`evaluation.hub.data.uri`, when it is a path, exists: as for a data set."""
    hub = subject.spec.evaluation.hub
    if hub is not None:
        yield from _data(subject, hub.data.uri, subject.at("evaluation", "hub", "data", "uri"))


def only_paths_and_buckets(subject: Subject) -> Problems:
    """Places are paths or `s3://bucket/key`: no other scheme can be read."""
    model = subject.spec.model
    if hasattr(model, "base"):
        yield from _scheme(model.base, subject.at("model", "base"))
    initial = model.adapter.initial_from
    if initial is not None:
        yield from _scheme(initial.uri, subject.at("model", "adapter", "initialFrom", "uri"))


def the_hub_tests_on_rows_of_its_own(subject: Subject) -> Problems:
    """The hub's data are no participant's training data: such a test would measure memory."""
    hub = subject.spec.evaluation.hub
    if hub is None:
        return
    mine = subject.resolve(hub.data.uri)
    for policy in subject.policies:
        for dataset in policy.value.spec.datasets:
            if dataset.name == subject.spec.data.dataset and subject.resolve(dataset.uri) == mine:
                who = policy.value.metadata.name
                message = f"{hub.data.uri} is what {who} trains on, so the test would measure memory."
                yield Problem(subject.at("evaluation", "hub", "data", "uri"), message, "Name held-out rows.")
                return


def _scheme(uri: str, place: Place) -> Problems:
    kind = scheme(uri)
    if kind not in ("file", "s3"):
        yield Problem(place, f"{kind}:// can't be read.", "Write a path, or s3://bucket/key.")
    elif kind == "s3" and not uri.removeprefix("s3://").partition("/")[0]:
        yield Problem(place, f"{uri} names no bucket.", "Write s3://bucket/key.")


def _data(subject: Subject, uri: str, place: Place) -> Problems:
    if scheme(uri) != "file":
        yield from _scheme(uri, place)
        return
    path = Path(subject.resolve(uri))
    if is_file(path):
        yield from _file(path, place)
    elif is_folder(path):
        yield from _folder(path, uri, place)
    else:
        near = next((file for suffix in SUFFIXES if is_file(file := path.parent / (path.stem + suffix))), None)
        fix = f"Write {near.name}." if near else "Correct the path; relative ones start at this file's folder."
        yield Problem(place, f"There is no file or folder {path}.", fix)


def _file(path: Path, place: Place) -> Problems:
    if path.suffix not in SUFFIXES:
        message = f"{path.name} is no kind of file that rows are read from."
        yield Problem(place, message, f"Write one of {', '.join(SUFFIXES)}, with a row a line.")
    elif path.stat().st_size == 0:
        yield Problem(place, f"{path} is empty.", "Write at least one row.")


def _folder(path: Path, uri: str, place: Place) -> Problems:
    if is_file(path / "dataset_dict.json"):
        fix = f"Name one of its folders, such as {uri}/train."
        yield Problem(place, f"{path} is a dictionary of data sets.", fix)
    elif not is_file(path / "dataset_info.json") and not any(file.suffix in SUFFIXES for file in path.rglob("*")):
        yield Problem(place, f"The folder {path} holds no {', '.join(SUFFIXES)}.", "Name the folder of the data.")
