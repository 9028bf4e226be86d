"""One cluster that stays, to try fedtrain on: `up` and `down`."""

import argparse
import shlex
import sys
from pathlib import Path

from tests.clusters.building import build, python_base
from tests.clusters.cluster import Cluster
from tests.clusters.minio import Minio
from tests.clusters.packages import PackagesMissing
from tests.clusters.processes import ProgramFailed
from tests.clusters.tools import ToolsFailed, provide

NAME = "fedtrain"


def up(images: list[str]) -> None:
    """Starts the cluster, with images built from `REFERENCE=CONTAINERFILE` in this folder, unless it runs already."""
    cluster = Cluster(NAME, leashed=False)
    if cluster.space.is_running():
        print(f"The cluster runs already: export KUBECONFIG={cluster.kubeconfig}")
        return
    pairs = [image.split("=", 1) for image in images]
    cluster.images = [build(name, Path(file), Path(), {"BASE": python_base()}) for name, file in pairs]
    cluster.__enter__()
    minio = Minio(cluster.folder / "minio", cluster.space.place).__enter__()
    folders = {str(path.parent) for path in provide("kubectl", "helm").values()}
    print(f"""
A Kubernetes cluster with the Kubeflow training operator and an S3 store runs on this machine.

    export KUBECONFIG={shlex.quote(str(cluster.kubeconfig))}
    export PATH={shlex.quote(":".join(sorted(folders)))}:$PATH
    kubectl get nodes

    S3 endpoint, from here and from pods: {minio.endpoint}
    AWS_ACCESS_KEY_ID={minio.access_key} AWS_SECRET_ACCESS_KEY={minio.secret_key}

`make cluster-down` removes all of it. Logs: {cluster.logs}""")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.clusters", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("up", help="start the cluster and say how to use it")
    start.add_argument("images", nargs="*", metavar="REFERENCE=CONTAINERFILE", help="images to build for its pods")
    commands.add_parser("down", help="remove the cluster and all it had")
    arguments = parser.parse_args()
    try:
        if arguments.command == "up":
            up(arguments.images)
        else:
            Cluster(NAME, leashed=False).remove()
    except (PackagesMissing, ProgramFailed, ToolsFailed) as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
