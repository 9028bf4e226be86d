"""The rows of all participants, which `fedtrain baseline` copies for the run on pooled data. They are in the folder of
that run until it has ended, and only this user may read them."""

from collections.abc import Iterable
from pathlib import Path

from fedtrain.api.federated_training import FederatedTrainingSpec

POOLED = "pooled"
"""Name of the folder, and of the only participant of the run."""


def pooled_file(folder: Path, dataset: str) -> Path:
    """Return the file of a data set in the folder of pooled rows."""
    return folder / f"{dataset}.jsonl"


def pooled_files(folder: Path, spec: FederatedTrainingSpec) -> tuple[Path, ...]:
    """Return the files in `folder` that have the pooled rows of a run; none if it is not the run on pooled data."""
    if folder.name != POOLED or [one.name for one in spec.participants] != [POOLED]:
        return ()
    return tuple(file for name in spec.data.names if (file := pooled_file(folder, name)).is_file())


def delete_pooled_rows(folder: Path, datasets: Iterable[str]) -> None:
    """Delete the files of these data sets, and the folder if nothing else is in it. Raises OSError."""
    for name in datasets:
        pooled_file(folder, name).unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
