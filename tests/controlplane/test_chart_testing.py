"""Both charts pass chart-testing: `ct lint --all`, with the settings of `ct.yaml`.

For each chart, ct checks the metadata with yamale and the files of values with yamllint, and runs `helm lint --strict`
with each file of values in `ci`.
"""

import os
import subprocess
import sys
from pathlib import Path

from hack.cluster.tools import provide
from tests.controlplane.chart import CHART, PARTICIPANT_CHART
from tests.controlplane.training import ROOT


def test_chart_testing_finds_no_fault_in_either_chart() -> None:
    tools = provide("ct", "helm")
    linters = Path(sys.executable).parent
    path = os.pathsep.join([str(tools["helm"].parent), str(linters), os.environ["PATH"]])
    done = subprocess.run(
        [tools["ct"], "lint", "--all"],
        cwd=ROOT,
        env={**os.environ, "PATH": path, "KUBECONFIG": os.devnull},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for chart in (CHART, PARTICIPANT_CHART):
        assert f'path: "{chart.relative_to(ROOT)}"' in done.stdout
        for file in chart.glob("ci/*-values.yaml"):
            assert str(file.relative_to(ROOT)) in done.stdout
