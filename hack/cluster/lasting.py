"""Clusters that stay, to try fedtrain on: the hub's, with what the quickstart finds there (images, a store, its base
model), and those of participants."""

import shlex
from dataclasses import dataclass, field
from pathlib import Path

from hack.cluster.api import Api
from hack.cluster.cluster import Cluster
from hack.cluster.engine import Engine
from hack.cluster.eventually import eventually
from hack.cluster.kind import Kind
from hack.cluster.packages import need_packages
from hack.cluster.processes import LOOPBACK, answers
from hack.cluster.products import PRODUCTS, ROOT, containerfile, product, reference
from hack.cluster.s3 import HEALTH, S3
from hack.cluster.s3_server import S3Server
from hack.cluster.tools import ALWAYS, provide

NAME = "fedtrain"
BUCKET, MODELS = "federations", "models"
"""Buckets. The first has the ledger; the second has the base model, and participants may read it."""
KIND_STORE = Path(__file__).parent / "kind_store.yaml"
STORE_EXAMPLE = ROOT / "examples" / "store" / "versitygw.yaml"
NODE_PORT = 30900
"""The node's, as in that manifest, and this machine's."""
STORE_NAMESPACE, STORE, STORE_PORT = "fedtrain-store", "store", 9000
QUICKSTART = ROOT / "examples" / "quickstart"
SETTINGS = ROOT / "build" / "cluster.sh"


MOST_SITES = 4


@dataclass(frozen=True)
class Lasting:
    """The cluster, once it runs. `where`: in words, what it runs in and where its logs are. `sites`: kubeconfigs of the
    participants' clusters."""

    where: str
    kubeconfig: Path
    store: S3
    sites: list[Path] = field(default_factory=list[Path])


def start(engine: Engine | None, sites: int = 0) -> Lasting | None:
    """Starts the cluster with its store, by kind in this engine, or without one; None if one runs already. `sites`:
    number of participants' clusters to start beside it; only without an engine."""
    if Kind.of(NAME) or Cluster(NAME, persistent=True).space.is_running():
        return None
    started = start_in(engine) if engine else _start_alone(sites)
    _write_settings(started, _fill_buckets(started.store))
    return started


def stop() -> None:
    """Removes it, in whatever it runs."""
    if kind := Kind.of(NAME):
        kind.remove()
    else:
        for name in (*_site_names(MOST_SITES), NAME):
            Cluster(name, persistent=True).remove()
    SETTINGS.unlink(missing_ok=True)


def start_in(engine: Engine, port: int = NODE_PORT) -> Lasting:
    """`port`: this machine's, which leads to the store's of the node."""
    kind = Kind(NAME, engine)
    store = S3(f"http://{LOOPBACK}:{port}")
    leads = {"containerPort": NODE_PORT, "hostPort": port, "listenAddress": LOOPBACK}
    with kind.creating([{"role": "control-plane", "extraPortMappings": [leads]}]):
        kind.load({reference(name): containerfile(name) for name in PRODUCTS}, ROOT)
        kind.start_training_operator()
        print("starting the store", flush=True)
        kind.kubectl("apply", "--server-side", f"--filename={KIND_STORE}")
        kind.kubectl("apply", "--server-side", f"--namespace={STORE_NAMESPACE}", f"--filename={STORE_EXAMPLE}")
        kind.wait_for(STORE, STORE_NAMESPACE)
        eventually(lambda: answers(f"{store.endpoint}{HEALTH}"))
    return Lasting(f"kind's, in {engine.program}", kind.kubeconfig, store)


def _start_alone(sites: int) -> Lasting:
    need_packages()
    provide(*ALWAYS)
    images = [product(name) for name in PRODUCTS]
    cluster, *others = (Cluster(name, images=images, persistent=True) for name in (NAME, *_site_names(sites)))
    cluster.__enter__()
    s3_server = S3Server(cluster.folder / "store", cluster.space.place).__enter__()
    _name_store(cluster.control_plane.api, s3_server)
    for other in others:
        other.__enter__()
        _name_store(other.control_plane.api, s3_server)
    where = f"on this machine, its logs in {cluster.logs}"
    return Lasting(where, cluster.kubeconfig, s3_server, [other.kubeconfig for other in others])


def _site_names(count: int) -> list[str]:
    return [f"{NAME}-site-{number}" for number in range(1, count + 1)]


def furnish(api: Api, s3_server: S3Server) -> dict[str, str]:
    """Gives a cluster what the quickstart's files name: a store with its buckets. The keys of the account that only
    reads the base model."""
    _name_store(api, s3_server)
    return _fill_buckets(s3_server)


def _name_store(api: Api, s3_server: S3Server) -> None:
    """Pods reach the store, which runs outside, by a name and a port that are always the same."""
    host, port = s3_server.address
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


def _fill_buckets(store: S3) -> dict[str, str]:
    for bucket in (BUCKET, MODELS):
        store.client.create_bucket(Bucket=bucket)
    for path in (QUICKSTART / "base").iterdir():
        store.client.upload_file(str(path), MODELS, f"quickstart/{path.name}")
    store.client.upload_file(str(QUICKSTART / "data" / "test.jsonl"), BUCKET, "quickstart/test.jsonl")
    return store.create_reader(MODELS)


def _write_settings(lasting: Lasting, reader: dict[str, str]) -> None:
    folders = {str(path.parent) for path in provide("kubectl", "helm").values()}
    variables = {
        "KUBECONFIG": str(lasting.kubeconfig),
        "AWS_ENDPOINT_URL": lasting.store.endpoint,
        "AWS_REGION": lasting.store.region,
        "AWS_ACCESS_KEY_ID": lasting.store.access_key,
        "AWS_SECRET_ACCESS_KEY": lasting.store.secret_key,
        **{f"MODELS_{name}": value for name, value in reader.items()},
        **{f"SITE_{number}": str(file) for number, file in enumerate(lasting.sites, 1)},
    }
    path = ":".join([str(ROOT / ".venv" / "bin"), *sorted(folders)])
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    SETTINGS.parent.mkdir(exist_ok=True)
    SETTINGS.write_text("\n".join([*lines, f'export PATH={shlex.quote(path)}:"$PATH"', ""]))


def shown(path: Path) -> str:
    """A path as a user at the repository's root would write it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
