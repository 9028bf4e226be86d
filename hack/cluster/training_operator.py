"""The Kubeflow training operator beside a control plane, with its validation of PyTorchJobs."""

import base64
import json
import os
from contextlib import suppress
from pathlib import Path

from hack.cluster.processes import Place, Processes, answers, free_port
from hack.cluster.tools import file_of

NAMESPACE = "kubeflow"
# The operator waits for a file of this name, and the path is fixed in it; what it serves with comes from $TMPDIR.
FIXED_CERTIFICATE = Path("/tmp/k8s-webhook-server/serving-certs/tls.crt")

# The default container has no securityContext, so that PodSecurity `restricted` refuses the workers of a job of 2 or
# more nodes (docs/kubernetes.md). The `grep` is for newer versions of busybox, which find a name and still fail
# when another domain of the search list lacks it.
WAIT_FOR_MASTER = """
- name: init-pytorch
  image: {{.InitContainerImage}}
  imagePullPolicy: IfNotPresent
  resources:
    limits: {cpu: 100m, memory: 20Mi}
    requests: {cpu: 50m, memory: 10Mi}
  securityContext:
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    capabilities: {drop: [ALL]}
  command:
    - sh
    - -c
    - |
      for i in $(seq {{.MaxTries}}); do nslookup {{.MasterAddr}} | grep ^Name: && exit; sleep 0.5; done; exit 1
"""


class TrainingOperator:
    """What the operator needs in the cluster, and its process outside."""

    def __init__(self, program: Path, folder: Path, place: Place, init_image: str = "") -> None:
        """
        Args:
            folder: a folder for what the operator writes.
            init_image: the image in which workers wait for their master, where nodes can't pull the usual one.
        """
        self.crd = file_of("training-operator", "kubeflow.org_pytorchjobs.yaml")
        self._program = program
        self._folder = folder
        self._address = place.address
        self._init_image = init_image
        self._webhook_port = free_port()

    def write_manifests(self, authority: Path) -> Path:
        """Writes the operator's namespace, the Secret it insists on, and its validation of PyTorchJobs."""
        objects = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "training-operator-webhook-cert", "namespace": NAMESPACE},
            },
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "ValidatingWebhookConfiguration",
                "metadata": {"name": "pytorchjobs"},
                "webhooks": [
                    {
                        "name": "validator.pytorchjob.training-operator.kubeflow.org",
                        "admissionReviewVersions": ["v1"],
                        "clientConfig": {
                            "url": f"https://{self._address}:{self._webhook_port}/validate-kubeflow-org-v1-pytorchjob",
                            "caBundle": base64.b64encode(authority.read_bytes()).decode(),
                        },
                        "rules": [
                            {
                                "apiGroups": ["kubeflow.org"],
                                "apiVersions": ["v1"],
                                "operations": ["CREATE", "UPDATE"],
                                "resources": ["pytorchjobs"],
                            }
                        ],
                        "sideEffects": "None",
                    }
                ],
            },
        ]
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "manifests.json"
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
        return path

    def start(self, processes: Processes, kubeconfig: Path, certificates: Path) -> None:
        """Starts the operator and waits until it validates and reconciles.

        Args:
            certificates: the folder with the API server's certificate and key, which serve the validation too.
        """
        health = free_port()
        serving = self._folder / "k8s-webhook-server" / "serving-certs"
        serving.mkdir(parents=True)
        for name, source in {"tls.crt": "apiserver.crt", "tls.key": "apiserver.key"}.items():
            (serving / name).symlink_to(certificates / source)
        if not FIXED_CERTIFICATE.exists():
            FIXED_CERTIFICATE.parent.mkdir(parents=True, exist_ok=True)
            with suppress(PermissionError):
                os.close(os.open(FIXED_CERTIFICATE, os.O_CREAT))
        template = self._folder / "init-container.yaml"
        template.write_text(WAIT_FOR_MASTER)
        processes.start(
            "training-operator",
            self._program,
            "--enable-scheme=pytorchjob",
            f"--kubeconfig={kubeconfig}",
            "--metrics-bind-address=0",
            f"--health-probe-bind-address={self._address}:{health}",
            f"--webhook-server-port={self._webhook_port}",
            f"--pytorch-init-container-template-file={template}",
            *([f"--pytorch-init-container-image={self._init_image}"] if self._init_image else []),
            environment={"MY_POD_NAMESPACE": NAMESPACE, "TMPDIR": str(self._folder)},
            ready=lambda: answers(f"http://{self._address}:{health}/readyz"),
        )
