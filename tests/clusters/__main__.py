"""One cluster that stays, to try fedtrain on: `up` and `down`."""

import argparse
import sys

from tests.clusters.lasting import SETTINGS, shown, start, stop
from tests.clusters.packages import PackagesMissing
from tests.clusters.processes import ProgramFailed
from tests.clusters.tools import ToolsFailed

STARTED = """
A Kubernetes cluster runs on this machine, with the Kubeflow training operator, an S3 store with the quickstart's base
model, and fedtrain's images. What next:

    source {settings}           # kubectl, helm, fedtrain, and where cluster and store are
    helm install fedtrain helm/fedtrain --namespace fedtrain --create-namespace --wait

`make cluster-down` removes all of it. Logs: {logs}"""


def up() -> None:
    lasting = start()
    if lasting is None:
        print(f"The cluster runs already: source {shown(SETTINGS)}")
    else:
        print(STARTED.format(settings=shown(SETTINGS), logs=lasting.cluster.logs))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.clusters", description=__doc__)
    parser.add_argument("command", choices=["up", "down"])
    command = parser.parse_args().command
    try:
        up() if command == "up" else stop()
    except (PackagesMissing, ProgramFailed, ToolsFailed) as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
