import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "trainer_throughput.py"


def test_the_throughput_benchmark_runs_and_prints_its_ratios_beside_the_target() -> None:
    ended = subprocess.run(
        [sys.executable, str(BENCHMARK), "--smoke"], capture_output=True, text=True, check=False, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("(target: at least 0.97)") == 2
