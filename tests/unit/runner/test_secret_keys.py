"""Secret keys of participants of `fedtrain run`."""

import shutil
import stat
from pathlib import Path

import pytest

from fedtrain.contracts.tasks import Inspect, NoiseShare
from fedtrain.runner.bindings import bind, fingerprint_keys, local_folder, missing_key
from fedtrain.runner.errors import RunError
from fedtrain.runner.secret_keys import secret_key
from tests.support.tasks import task_of, train_work
from tests.unit.runner.privacy_ledgers import written


def test_each_participant_has_one_key_that_others_cannot_read(tmp_path: Path) -> None:
    folder = tmp_path / "noise"
    first, again, other = secret_key(folder, "zoo"), secret_key(folder, "zoo"), secret_key(folder, "museum")
    assert first == again
    assert Path(first).read_bytes() != Path(other).read_bytes()
    assert len(Path(first).read_bytes()) == 32
    assert stat.S_IMODE(Path(first).stat().st_mode) == 0o600
    assert sorted(path.name for path in folder.iterdir()) == ["museum.key", "zoo.key"]


def test_a_key_of_noise_outlives_the_telemetry_which_may_be_deleted(tmp_path: Path) -> None:
    """A run that resumes with a new key would draw a second share over the same update."""
    federation = written(tmp_path / "first")
    task = task_of(train_work(noise=NoiseShare(multiplier=1.0, updates=2)), "a")
    secret_key(fingerprint_keys(federation), "a")
    first = Path(bind(federation, task).noise_key or "").read_bytes()
    local_folder(federation).mkdir(parents=True, exist_ok=True)
    shutil.rmtree(local_folder(federation))
    assert Path(bind(federation, task).noise_key or "").read_bytes() == first


def test_only_a_task_that_counts_rows_makes_a_new_key_of_fingerprints(tmp_path: Path) -> None:
    """With another key, rows that did not change have another fingerprint."""
    federation = written(tmp_path / "first")
    trains, counts = task_of(train_work(), "a"), task_of(Inspect(), "a")
    missing = missing_key(federation, trains)
    assert missing is not None
    assert missing.endswith(
        "runs/.fingerprint-keys/a.key, is missing. Copy it from the folder or machine where the run began"
    )
    with pytest.raises(RunError, match=r"a: the key of the fingerprint of its rows, .* is missing"):
        bind(federation, trains)
    assert missing_key(federation, counts) is None
    made = bind(federation, counts).fingerprint_key
    assert missing_key(federation, trains) is None
    assert bind(federation, trains).fingerprint_key == made
