"""One cluster that stays, to try fedtrain on: `up` and `down`."""

import argparse
import sys

from hack.cluster.engine import CHOICES, Engine, engine
from hack.cluster.lasting import SETTINGS, shown, start, stop
from hack.cluster.packages import PackagesMissing
from hack.cluster.processes import ProgramFailed
from hack.cluster.tools import ToolsFailed

STARTED = """
A Kubernetes cluster runs: {where}. It has the Kubeflow training operator, an S3 store with the quickstart's base
model, and fedtrain's images. What next:

    source {settings}           # kubectl, helm, fedtrain, and where cluster and store are
    helm install fedtrain helm/fedtrain --namespace fedtrain --create-namespace --wait

`make cluster-down` removes all of it."""
NO_KIND = """
That was kind, in {program}. Without an engine, on Debian as root: make cluster ENGINE=none"""


def up(within: Engine | None) -> None:
    try:
        lasting = start(within)
    except ProgramFailed as failure:
        raise ProgramFailed(str(failure) + (NO_KIND.format(program=within.program) if within else "")) from None
    if lasting is None and SETTINGS.exists():
        print(f"The cluster runs already: source {shown(SETTINGS)}")
    elif lasting is None:
        print("The cluster runs already, started from another checkout. Go on there, or remove it: make cluster-down")
    else:
        print(STARTED.format(settings=shown(SETTINGS), where=lasting.where))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m hack.cluster", description=__doc__)
    parser.add_argument("command", choices=["up", "down"])
    parser.add_argument("--engine", choices=CHOICES, help="run it there; by default in one that answers")
    given = parser.parse_args()
    try:
        if given.command == "down":
            stop()
        else:
            up(engine(given.engine))
    except (PackagesMissing, ProgramFailed, ToolsFailed) as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
