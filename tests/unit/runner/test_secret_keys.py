"""Secret keys of participants of `fedtrain run`."""

import shutil
import stat
from pathlib import Path

from fedtrain.contracts.tasks import NoiseShare
from fedtrain.runner.bindings import bind, local_folder
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
    first = Path(bind(federation, task).noise_key or "").read_bytes()
    local_folder(federation).mkdir(parents=True, exist_ok=True)
    shutil.rmtree(local_folder(federation))
    assert Path(bind(federation, task).noise_key or "").read_bytes() == first
