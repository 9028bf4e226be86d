"""Clusters in a container engine, by kind, with the training operator; all images come from public registries."""

import base64
import json
import shutil
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from hack.cluster.access import Access
from hack.cluster.api import Json
from hack.cluster.cache import cache
from hack.cluster.engine import Engine
from hack.cluster.kubeconfig import Credentials
from hack.cluster.processes import ProgramFailed, run
from hack.cluster.tools import provide, source

TRAINING_OPERATOR = "manifests/overlays/standalone"
PATIENCE = "10m"
ADMIN = "everything"


class Kind(Access):
    """The kind cluster of a name, with its kubeconfig and what it takes to remove it in a folder.

    Attributes:
        engine: what its nodes are containers of.
        folder: its files on this machine.
    """

    def __init__(self, name: str, engine: Engine) -> None:
        self.folder = _folder(name)
        self.kubeconfig = self.folder / "kubeconfig"
        self.engine = engine
        self._name = name

    @staticmethod
    def of(name: str) -> "Kind | None":
        """The cluster of this name that was started and not removed."""
        record = _folder(name) / "engine"
        return Kind(name, Engine(record.read_text())) if record.exists() else None

    @contextmanager
    def creating(self, nodes: Sequence[Json]) -> Generator[None]:
        """Starts its nodes, which are as in kind's own configuration. Nothing is left of it where this fails, or what
        is done inside.

        Raises:
            ProgramFailed: a cluster of this name exists that is not ours, or kind refuses; so do all methods here where
                engine, kind or kubectl do.
        """
        if self.nodes():
            remove = f"KIND_EXPERIMENTAL_PROVIDER={self.engine.program} kind delete cluster --name={self._name}"
            raise ProgramFailed(f"There is a kind cluster {self._name} already, and not by this. Remove it: {remove}")
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "engine").write_text(self.engine.program)
        config = self.folder / "kind.json"
        config.write_text(json.dumps({"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": nodes}))
        print(f"starting a kind cluster in {self.engine.program}", flush=True)
        where = (f"--name={self._name}", f"--kubeconfig={self.kubeconfig}", f"--config={config}")
        try:
            self._kind("create", "cluster", *where, "--wait=5m")
            yield
        except BaseException:
            with suppress(ProgramFailed):  # the first error is reported
                self._delete()
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def load(self, images: Mapping[str, Path], context: Path, tags: Mapping[str, str] | None = None) -> None:
        """Builds images, from Containerfiles by reference, and gives them to the nodes that pods run on.

        Args:
            context: the folder that they are built from.
            tags: more references, with what each stands for.
        """
        for reference, containerfile in images.items():
            print(f"building the image {reference}", flush=True)
            self.engine.build(reference, containerfile, context)
        for another, reference in (tags or {}).items():
            self.engine.tag(reference, another)
        print("loading the images into the cluster", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / "images.tar"
            self.engine.save([*images, *(tags or {})], archive)
            workers = [node for node in self.nodes() if not node.endswith("control-plane")]
            to = [f"--nodes={','.join(workers)}"] if workers else []
            self._kind("load", "image-archive", str(archive), f"--name={self._name}", *to)

    def nodes(self) -> list[str]:
        """Their names, which are those of their containers."""
        return sorted(self._kind("get", "nodes", f"--name={self._name}").split())

    def start_training_operator(self) -> None:
        print("starting the training operator", flush=True)
        self.kubectl("apply", "--server-side", f"--kustomize={source('training-operator') / TRAINING_OPERATOR}")
        self.wait_for("training-operator", "kubeflow")

    def wait_for(self, deployment: str, namespace: str) -> None:
        """Until its pods are ready."""
        wait = ("rollout", "status", f"deployment/{deployment}", f"--namespace={namespace}")
        self.kubectl(*wait, f"--timeout={PATIENCE}")

    def become_admin(self) -> None:
        """Makes `admin`, which has a token; in the kubeconfig is a certificate."""
        account = f"--serviceaccount=default:{ADMIN}"
        self.kubectl("create", "serviceaccount", ADMIN)
        self.kubectl("create", "clusterrolebinding", ADMIN, "--clusterrole=cluster-admin", account)
        token = self.kubectl("create", "token", ADMIN, "--duration=24h").strip()
        (known,) = json.loads(self.kubectl("config", "view", "--raw", "--output=json"))["clusters"]
        authority = self.folder / "authority.crt"
        authority.write_bytes(base64.b64decode(known["cluster"]["certificate-authority-data"]))
        self.admin = Credentials(known["cluster"]["server"], authority, token)

    def remove(self) -> None:
        self._delete()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _delete(self) -> None:
        self._kind("delete", "cluster", f"--name={self._name}")

    def _kind(self, *arguments: str) -> str:
        return run(provide("kind")["kind"], *arguments, environment={"KIND_EXPERIMENTAL_PROVIDER": self.engine.program})


def _folder(name: str) -> Path:
    return cache("clusters") / f"kind-{name}"
