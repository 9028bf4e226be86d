"""SIGKILLs at random times over the whole length of runs: the same command resumes, and the result does not change."""

import os
import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from federation import Running, Small

from fedtrain.ledger.verify import verify

KILLS = 50
KILLS_PER_RUN = 8
SEED = 20261128
PATIENT = {"rounds": {"retries": 100}}
"""Each killed worker costs its participant a retry."""


@dataclass(frozen=True)
class Kill:
    """A process that was killed. `records`: number of objects in the ledger at that time."""

    run: int
    seconds: float
    victim: str
    records: int


def test_fifty_kills_at_random_times_do_not_change_the_result(zygote: str, undisturbed: Small, tmp_path: Path) -> None:
    length = _length(zygote, tmp_path / "measured")
    draws, kills = random.Random(SEED), list[Kill]()
    for run in range(4 * KILLS):
        if len(kills) == KILLS:
            break
        small = Small(tmp_path / f"run-{run}", PATIENT)
        # a killed run takes up to twice as long, and times after its end are drawn again in the next run
        times = sorted(draws.uniform(0, 2 * length) for _ in range(min(KILLS_PER_RUN, KILLS - len(kills))))
        kills += _run(small, zygote, run, times, draws)
        assert small.digests() == undisturbed.digests(), kills
        assert verify(small.ledger).sound, kills
    assert len(kills) == KILLS
    assert {kill.victim for kill in kills} == {"runner", "worker", "aggregator"}


def _length(zygote: str, folder: Path) -> float:
    """Seconds of an undisturbed run."""
    since = time.monotonic()
    done = Small(folder, PATIENT).run(zygote)
    assert done.returncode == 0, done.said
    return time.monotonic() - since


def _run(small: Small, zygote: str, run: int, times: list[float], draws: random.Random) -> list[Kill]:
    """Run `small` to its end, with a kill at each of these seconds after its start, as long as it runs."""
    kills, since = list[Kill](), time.monotonic()
    running = small.start(zygote, FEDTRAIN_TEST_BACK_OFF="0.02")
    for seconds in times:
        while time.monotonic() - since < seconds and running.process.alive():
            time.sleep(0.002)
        if not running.process.alive():
            break
        if victim := _kill(running, draws):
            kills.append(Kill(run, time.monotonic() - since, victim, len(small.ledger.names())))
        if victim == "runner":
            running.result()
            running = small.start(zygote, FEDTRAIN_TEST_BACK_OFF="0.02")
    done = running.result()
    assert done.returncode == 0, f"{kills}\n{done.said}"
    return kills


def _kill(running: Running, draws: random.Random) -> str:
    """Kill a random process of the run, and return what it was; empty if none exists."""
    found = {"runner": running.runner(), "worker": running.workers(), "aggregator": running.aggregator()}
    victims = [victim for victim in sorted(found) if found[victim]]
    if not victims:
        return ""
    victim = draws.choice(victims)
    os.kill(draws.choice(found[victim]), signal.SIGKILL)
    return victim
