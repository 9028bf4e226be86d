"""Memory is bounded by one adapter and fixed buffers, whatever the number of participants."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from private_round_on_disk import maker
from round_on_disk import MakeRound, RoundOnDisk, adapter

VALUES = 4 * 2**20
"""16 MiB an update."""

SCRIPT = """
import re, sys
from pathlib import Path
from fedtrain_aggregator.assignment import carry_out


def peak():  # not getrusage's ru_maxrss, which a process inherits from the one that started it
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])


before = peak()
code, reason = carry_out(sys.stdin.read())
assert code == 0, reason
print(peak() - before)
"""


def growth(round: RoundOnDisk, participants: int) -> int:
    """Bytes by which the peak of a process's resident memory grows while it aggregates."""
    update = round.bytes_of(adapter(1, {"x.lora_B.weight": (VALUES // 16, 16)}))
    for i in range(participants):
        round.send(f"p{i}", update)
    round.close()
    storage = {"type": "File", "file": {"path": str(round.folder / "store")}}
    text = json.dumps({"namespace": "team", "name": "notes", "round": 1, "k": 1, "storage": storage})
    done = subprocess.run([sys.executable, "-c", SCRIPT], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout) * 1024


def private_growth(folder: Path, participants: int) -> int:
    """Like `growth`, with clipping and noise at the hub."""
    folder = folder / f"{participants} participants"
    folder.mkdir()
    names = tuple(f"p{i}" for i in range(participants))
    shapes = {"x.lora_B.weight": (VALUES // 16, 16)}
    return growth(maker(folder, shapes)(people=names, strategy={"strategy": "FedAdam"}).round, participants)


LINUX = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from Linux's /proc")


@LINUX
def test_the_peak_does_not_grow_with_the_number_of_participants(make_round: MakeRound):
    start = adapter(0, {"x.lora_B.weight": (VALUES // 16, 16)})
    few = growth(make_round([f"p{i}" for i in range(2)], start, strategy="FedAdam"), 2)
    many = growth(make_round([f"p{i}" for i in range(12)], start, strategy="FedAdam"), 12)
    assert many < few + 32 * 2**20, "ten more updates of 16 MiB take less than two of them"


@LINUX
def test_clipping_and_noise_need_no_memory_of_an_update(make_round: MakeRound, tmp_path: Path):
    start = adapter(0, {"x.lora_B.weight": (VALUES // 16, 16)})
    plain = growth(make_round([f"p{i}" for i in range(4)], start, strategy="FedAdam"), 4)
    few, many = private_growth(tmp_path, 2), private_growth(tmp_path, 12)
    assert max(few, many) < plain + 4 * VALUES, "less than one more update"
    assert many < few + 4 * VALUES
