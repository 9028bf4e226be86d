"""Clusters that stay, to try fedtrain on: `up` and `down`."""

import argparse
import sys

from hack.cluster.engine import CHOICES, Engine, engine
from hack.cluster.lasting import MOST_SITES, SETTINGS, shown, start, stop
from hack.cluster.packages import PackagesMissing
from hack.cluster.processes import ProgramFailed
from hack.cluster.tools import ToolsFailed

STARTED = """
A Kubernetes cluster runs: {where}. It has the Kubeflow training operator, an S3 store with the quickstart's base
model, and fedtrain's images. What next:

    source {settings}           # kubectl, helm, fedtrain, and where cluster and store are
    helm install fedtrain helm/fedtrain --namespace fedtrain --create-namespace --wait

`make cluster-down` removes all of it."""
SITES = """
Beside it run clusters for participants: {names} are their kubeconfigs. docs/participants.md describes
how they join, in "Try it on one machine"."""
NO_KIND = """
That was kind, in {program}. Without an engine, on Debian as root: make cluster ENGINE=none"""


def up(within: Engine | None, clusters: int) -> None:
    if within and clusters > 1:
        raise ProgramFailed("Several clusters need ENGINE=none (Debian, as root): they are not kind's.")
    try:
        lasting = start(within, clusters - 1)
    except ProgramFailed as failure:
        raise ProgramFailed(str(failure) + (NO_KIND.format(program=within.program) if within else "")) from None
    if lasting is None and SETTINGS.exists():
        print(f"The cluster already runs: source {shown(SETTINGS)}")
    elif lasting is None:
        print("The cluster already runs, started from another checkout. Use it there, or remove it: make cluster-down")
    else:
        print(STARTED.format(settings=shown(SETTINGS), where=lasting.where))
        if lasting.sites:
            print(SITES.format(names=", ".join(f"$SITE_{number}" for number in range(1, clusters))))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m hack.cluster", description=__doc__)
    parser.add_argument("command", choices=["up", "down"])
    parser.add_argument("--engine", choices=CHOICES, help="run it there; by default in one that answers")
    most = MOST_SITES + 1
    numbers = {"type": int, "choices": range(1, most + 1), "metavar": f"1..{most}"}
    parser.add_argument("--clusters", default=1, help="one, and clusters of participants; by default 1", **numbers)
    given = parser.parse_args()
    try:
        if given.command == "down":
            stop()
        else:
            up(engine(given.engine), given.clusters)
    except (PackagesMissing, ProgramFailed, ToolsFailed) as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
