"""One cluster in a container engine, by kind, with the training operator and a store, all from public registries."""

import json
import shutil
import tempfile
from pathlib import Path

from tests.clusters.cache import cache
from tests.clusters.engine import Engine
from tests.clusters.eventually import eventually
from tests.clusters.processes import LOOPBACK, answers, run
from tests.clusters.s3 import S3
from tests.clusters.tools import provide, source

STORE = Path(__file__).parent / "kind_store.yaml"
STORE_PORT = 30900
"""The node's, as in its manifest, and this machine's."""
TRAINING_OPERATOR = "manifests/overlays/standalone"
PATIENCE = "10m"


class Kind:
    """The kind cluster of a name, with its kubeconfig and what it takes to remove it in a folder.

    Attributes:
        kubeconfig: a file with the rights of cluster-admin.
    """

    def __init__(self, name: str, engine: Engine) -> None:
        self.kubeconfig = _folder(name) / "kubeconfig"
        self._name = name
        self._engine = engine

    @staticmethod
    def of(name: str) -> "Kind | None":
        """The cluster of this name that was started and not removed."""
        record = _folder(name) / "engine"
        return Kind(name, Engine(record.read_text())) if record.exists() else None

    def start(self, images: dict[str, Path], context: Path, store_port: int = STORE_PORT) -> S3:
        """Starts it with these images, Containerfiles by reference, and gives its store as this machine reaches it.

        Raises:
            ProgramFailed: engine, kind or kubectl said no; nothing is left of the cluster.
        """
        self.kubeconfig.parent.mkdir(parents=True, exist_ok=True)
        (self.kubeconfig.parent / "engine").write_text(self._engine.program)
        try:
            self._create(store_port)
            self._load(images, context)
            self._furnish()
        except BaseException:
            self.remove()
            raise
        store = S3(f"http://{LOOPBACK}:{store_port}")
        eventually(lambda: answers(f"{store.endpoint}/minio/health/ready"))
        return store

    def remove(self) -> None:
        self._kind("delete", "cluster", f"--name={self._name}")
        shutil.rmtree(self.kubeconfig.parent)

    def _create(self, store_port: int) -> None:
        leads = {"containerPort": STORE_PORT, "hostPort": store_port, "listenAddress": LOOPBACK}
        node = {"role": "control-plane", "extraPortMappings": [leads]}
        content = {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": [node]}
        config = self.kubeconfig.with_name("kind.json")
        config.write_text(json.dumps(content))
        print(f"starting a kind cluster in {self._engine.program}", flush=True)
        where = (f"--name={self._name}", f"--kubeconfig={self.kubeconfig}", f"--config={config}")
        self._kind("create", "cluster", *where, "--wait=5m")

    def _load(self, images: dict[str, Path], context: Path) -> None:
        for reference, containerfile in images.items():
            print(f"building the image {reference}", flush=True)
            self._engine.build(reference, containerfile, context)
        print("loading the images into the cluster", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / "images.tar"
            self._engine.save(list(images), archive)
            self._kind("load", "image-archive", str(archive), f"--name={self._name}")

    def _furnish(self) -> None:
        print("starting the training operator and the store", flush=True)
        self._kubectl("apply", "--server-side", f"--kustomize={source('training-operator') / TRAINING_OPERATOR}")
        self._kubectl("apply", "--server-side", f"--filename={STORE}")
        for namespace, name in (("kubeflow", "training-operator"), ("fedtrain-store", "store")):
            wait = ("rollout", "status", f"deployment/{name}", f"--namespace={namespace}", f"--timeout={PATIENCE}")
            self._kubectl(*wait)

    def _kubectl(self, *arguments: str) -> None:
        run(provide("kubectl")["kubectl"], f"--kubeconfig={self.kubeconfig}", *arguments)

    def _kind(self, *arguments: str) -> None:
        run(provide("kind")["kind"], *arguments, environment={"KIND_EXPERIMENTAL_PROVIDER": self._engine.program})


def _folder(name: str) -> Path:
    return cache("clusters") / f"kind-{name}"
