"""How long a user waits from `kubectl apply` to the first pod of a training, beside the target.

    make cluster && source build/cluster.sh
    helm install fedtrain helm/fedtrain --namespace fedtrain --create-namespace --wait
    python benchmarks/first_pod.py            # the quickstart's federation; images are on the node

Applies the quickstart in the cluster that KUBECONFIG names, waits until its first pod runs, and until the first one of
round 1 does, which comes after looking at everybody's data and making the initial adapter. Deletes the training again.
Ends with 1 when the target is missed.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

QUICKSTART = Path(__file__).parents[1] / "examples" / "quickstart"
TRAINING = QUICKSTART / "kubernetes" / "federation.yaml"
TARGET_SECONDS = 10.0
LONGEST_WAIT = 300.0
Kubectl = Callable[..., str]


def measure(kubectl: Kubectl) -> tuple[float, float]:
    """Seconds to the first pod, and to the first pod of round 1. `kubectl` runs the command and returns its output."""
    kubectl("apply", "--server-side", "--kustomize", str(QUICKSTART))
    begin = time.monotonic()
    kubectl("apply", "--filename", str(TRAINING))
    try:
        return _until_running(kubectl, begin, ""), _until_running(kubectl, begin, ",fedtrain.dev/kind=Train")
    finally:
        kubectl("delete", "--filename", str(TRAINING))


def _until_running(kubectl: Kubectl, begin: float, more: str) -> float:
    selector = f"fedtrain.dev/training=quickstart,fedtrain.dev/training-namespace=default{more}"
    while time.monotonic() < begin + LONGEST_WAIT:
        pods = json.loads(kubectl("get", "pods", "--all-namespaces", f"--selector={selector}", "--output=json"))
        if any(pod["status"]["phase"] in ("Running", "Succeeded") for pod in pods["items"]):
            return time.monotonic() - begin
        time.sleep(0.1)
    raise TimeoutError(f"no pod with {selector} runs after {LONGEST_WAIT:.0f} s: kubectl describe ft quickstart")


def _kubectl(*arguments: str) -> str:
    return subprocess.run(["kubectl", *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


def _give_keys() -> None:
    """The store's credentials from the environment, as a Secret beside the training."""
    keys = {name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "federation-store"}, "stringData": keys}
    subprocess.run(["kubectl", "apply", "--filename=-"], check=True, input=json.dumps(secret), text=True)


def main() -> int:
    _give_keys()
    first, training = measure(_kubectl)
    print(f"kubectl apply to the first pod running: {first:.1f} s (target under {TARGET_SECONDS:.0f} s)")
    print(f"kubectl apply to the first pod of round 1 running: {training:.1f} s")
    return 0 if first < TARGET_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
