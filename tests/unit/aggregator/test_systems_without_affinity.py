"""macOS does not tell a process to which cores it is bound. Aggregation and `fedtrain run` then use all cores."""

import subprocess
import sys

CODE = """
import os
del os.sched_getaffinity
import fedtrain_aggregator.aggregate
from fedtrain.runner.devices import find_devices
print(find_devices().cores == os.cpu_count())
"""


def test_the_cores_of_such_a_system_are_all_cores() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("True\n", 0), done.stderr
