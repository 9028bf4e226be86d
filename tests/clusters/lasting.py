"""One cluster that stays, to try fedtrain on, and what the quickstart finds there: images, a store, its base model."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from tests.clusters.api import Api
from tests.clusters.cluster import Cluster
from tests.clusters.minio import Minio
from tests.clusters.products import ROOT, product
from tests.clusters.tools import provide

NAME = "fedtrain"
BUCKET = "federations"
STORE_NAMESPACE, STORE, STORE_PORT = "fedtrain-store", "store", 9000
QUICKSTART = ROOT / "examples" / "quickstart"
SETTINGS = ROOT / "build" / "cluster.sh"


@dataclass(frozen=True)
class Lasting:
    """The cluster, once it runs. `minio`: its store."""

    cluster: Cluster
    minio: Minio


def start() -> Lasting | None:
    """Starts the cluster with its store; None if it runs already."""
    cluster = Cluster(NAME, leashed=False)
    if cluster.space.is_running():
        return None
    cluster.images = [product("operator"), product("trainer")]
    cluster.__enter__()
    minio = Minio(cluster.folder / "minio", cluster.space.place).__enter__()
    furnish(cluster.control_plane.api, minio)
    _write_settings(cluster, minio)
    return Lasting(cluster, minio)


def stop() -> None:
    Cluster(NAME, leashed=False).remove()
    SETTINGS.unlink(missing_ok=True)


def furnish(api: Api, minio: Minio) -> None:
    """Gives a cluster what the quickstart's files name: a store, and a bucket with the base model."""
    _name_store(api, minio)
    _fill_bucket(minio)


def _name_store(api: Api, minio: Minio) -> None:
    """Pods reach the store, which runs outside, by a name and a port that are always the same."""
    host, port = minio.address
    api.create("v1/namespaces", {"metadata": {"name": STORE_NAMESPACE}})
    service = {"ports": [{"name": "s3", "port": STORE_PORT, "targetPort": port}]}
    api.create("v1/services", {"metadata": {"name": STORE}, "spec": service}, STORE_NAMESPACE)
    leads = {
        "metadata": {"name": STORE, "labels": {"kubernetes.io/service-name": STORE}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [host]}],
        "ports": [{"name": "s3", "port": port}],
    }
    api.create("discovery.k8s.io/v1/endpointslices", leads, STORE_NAMESPACE)


def _fill_bucket(minio: Minio) -> None:
    minio.client.create_bucket(Bucket=BUCKET)
    files = {f"base/{path.name}": path for path in (QUICKSTART / "base").iterdir()}
    for key, path in {**files, "test.jsonl": QUICKSTART / "data" / "test.jsonl"}.items():
        minio.client.upload_file(str(path), BUCKET, f"quickstart/{key}")


def _write_settings(cluster: Cluster, minio: Minio) -> None:
    folders = {str(path.parent) for path in provide("kubectl", "helm").values()}
    variables = {
        "KUBECONFIG": str(cluster.kubeconfig),
        "AWS_ENDPOINT_URL": minio.endpoint,
        "AWS_REGION": minio.region,
        "AWS_ACCESS_KEY_ID": minio.access_key,
        "AWS_SECRET_ACCESS_KEY": minio.secret_key,
    }
    path = ":".join([str(ROOT / ".venv" / "bin"), *sorted(folders)])
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    SETTINGS.parent.mkdir(exist_ok=True)
    SETTINGS.write_text("\n".join([*lines, f'export PATH={shlex.quote(path)}:"$PATH"', ""]))


def shown(path: Path) -> str:
    """A path as a user at the repository's root would write it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
