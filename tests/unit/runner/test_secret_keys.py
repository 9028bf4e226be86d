"""Secret keys of participants of `fedtrain run`."""

import stat
from pathlib import Path

from fedtrain.runner.secret_keys import secret_key


def test_each_participant_has_one_key_that_others_cannot_read(tmp_path: Path) -> None:
    folder = tmp_path / "noise"
    first, again, other = secret_key(folder, "zoo"), secret_key(folder, "zoo"), secret_key(folder, "museum")
    assert first == again
    assert Path(first).read_bytes() != Path(other).read_bytes()
    assert len(Path(first).read_bytes()) == 32
    assert stat.S_IMODE(Path(first).stat().st_mode) == 0o600
    assert sorted(path.name for path in folder.iterdir()) == ["museum.key", "zoo.key"]
