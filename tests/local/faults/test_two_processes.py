"""Two `fedtrain run` of one run at once: both say so, both report every round, and the result is that of one."""

import re
import time
from pathlib import Path

from federation import Running, Small

from fedtrain.ledger.verify import verify

WARNING = "another `fedtrain run` works on this run, too: process "


def test_both_say_so_and_neither_lacks_lines(zygote: str, undisturbed: Small, tmp_path: Path) -> None:
    """Both train zoo's first update and wait with it until both have seen the other."""
    small = Small(tmp_path / "run")
    waiting = {"FEDTRAIN_TEST_KILL": r"late:rounds/0001/updates/zoo/1/record\.json$"}
    both = [
        small.start(zygote, parallel=1, **waiting, FEDTRAIN_TEST_KILLED=str(tmp_path / name)) for name in ("one", "two")
    ]
    _until_warned(both)
    for name in ("one", "two"):
        (tmp_path / f"{name}.go").touch()
    for done in [running.result() for running in both]:
        assert done.returncode == 0, done.said
        assert done.said.count(WARNING) == 1
        lines = [" ".join(line.split()) for line in done.said.splitlines()]
        for round in (1, 2):
            assert [line for line in lines if line.startswith(f"round {round}/2 committed")] != [], done.said
            for who in ("zoo", "museum"):
                update = re.compile(rf"round {round}/2 {who} [0-9,]+ trained loss ")
                assert len([line for line in lines if update.match(line)]) == 1, done.said
        assert "small: succeeded after 2 rounds" in done.said
    assert small.digests() == undisturbed.digests()
    assert verify(small.ledger).sound


def _until_warned(both: list[Running]) -> None:
    until = time.monotonic() + 300
    while not all(WARNING in _log(running) for running in both):
        assert time.monotonic() < until, [_log(running) for running in both]
        time.sleep(0.1)


def _log(running: Running) -> str:
    """What a run has printed. Its process may not have begun yet."""
    file = running.folder / "log"
    return file.read_text() if file.exists() else ""
