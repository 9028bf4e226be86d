"""How long a user waits from `kubectl apply` to the first pod of a training, beside the target.

    make cluster && source build/cluster.sh
    helm install fedtrain helm/fedtrain --namespace fedtrain --create-namespace --wait
    python benchmarks/first_pod.py            # the quickstart's federation; images are on the node

Applies the quickstart in the cluster that KUBECONFIG names, under a new name, waits until its first pod runs, and until
the first one of round 1 does, which comes after reading the data of all participants and evaluating the
initial adapter. Deletes the training again. Ends with 1 when the target is missed.
"""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

QUICKSTART = Path(__file__).parents[1] / "examples" / "quickstart"
TRAINING = QUICKSTART / "kubernetes" / "federation.yaml"
TARGET_SECONDS = 10.0
LONGEST_WAIT = 300.0


@contextmanager
def applied() -> Generator[tuple[str, float], None, None]:
    """The training's name, and when it was applied; it is deleted in the end."""
    training: dict[str, Any] = YAML(typ="safe").load(TRAINING)
    # A name of its own: one that has been run to its end starts no pods again.
    training["metadata"]["name"] = name = f"first-pod-{secrets.token_hex(3)}"
    begin = time.monotonic()
    kubectl("apply", "--filename=-", given=json.dumps(training))
    try:
        yield name, begin
    finally:
        kubectl("delete", "federatedtraining", name)


def _until_running(name: str, begin: float, more: str) -> float:
    selector = f"fedtrain.dev/training={name}{more}"
    while time.monotonic() < begin + LONGEST_WAIT:
        pods = json.loads(kubectl("get", "pods", "--all-namespaces", f"--selector={selector}", "--output=json"))
        if any(pod["status"]["phase"] in ("Running", "Succeeded") for pod in pods["items"]):
            return time.monotonic() - begin
        time.sleep(0.1)
    raise TimeoutError(f"no pod with {selector} runs after {LONGEST_WAIT:.0f} s: kubectl describe ft {name}")


def kubectl(*arguments: str, given: str | None = None) -> str:
    return subprocess.run(["kubectl", *arguments], check=True, stdout=subprocess.PIPE, input=given, text=True).stdout


def prepare() -> None:
    """The participants, and the store's credentials, from the environment, beside the training."""
    kubectl("apply", "--server-side", "--kustomize", str(QUICKSTART))
    keys = {name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "federation-store"}, "stringData": keys}
    kubectl("apply", "--filename=-", given=json.dumps(secret))


def main() -> int:
    prepare()
    with applied() as (name, begin):
        first = _until_running(name, begin, "")
        told = f"kubectl apply to the first pod running: {first:.1f} s (target under {TARGET_SECONDS:.0f} s)"
        print(told, flush=True)
        training = _until_running(name, begin, ",fedtrain.dev/kind=Train")
        print(f"kubectl apply to the first pod of round 1 running: {training:.1f} s")
    return 0 if first < TARGET_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
