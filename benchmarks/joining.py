"""How long a participant waits from `helm install` to `Connected` at the hub, beside the target.

    make cluster CLUSTERS=2 ENGINE=none && source build/cluster.sh
    helm install fedtrain helm/fedtrain --namespace fedtrain --create-namespace --wait
    python benchmarks/joining.py              # five times; images are on the node

KUBECONFIG names the hub's cluster, SITE_1 the participant's. Invites a participant, installs its chart as
docs/participants.md says, waits for the condition `Connected`, and removes all of it. Ends with 1 when the target is
missed.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

CHART = Path(__file__).parents[1] / "helm" / "fedtrain-participant"
RELEASE, NAMESPACE = "fedtrain-participant", "training"
TIMES = 5
TARGET_SECONDS = 15.0
LONGEST_WAIT = 120.0
CONNECTED = 'jsonpath={.status.conditions[?(@.type=="Connected")].status}'


def join(who: str, site: str, folder: Path) -> float:
    """Seconds until the hub shows the participant as connected."""
    file = folder / f"{who}.yaml"
    _run("fedtrain", "participant", "invite", who, "--allow=default", f"--out={file}")
    begun = time.monotonic()
    try:
        values = f"--values={file}"
        _helm(site, "install", RELEASE, str(CHART), f"--namespace={NAMESPACE}", "--create-namespace", values)
        while _run("kubectl", "get", "participant", who, f"--output={CONNECTED}") != "True":
            if time.monotonic() > begun + LONGEST_WAIT:
                raise TimeoutError(f"{who} is not connected after {LONGEST_WAIT:.0f} s: read the log of its operator")
            time.sleep(0.1)
        return time.monotonic() - begun
    finally:
        _helm(site, "uninstall", RELEASE, f"--namespace={NAMESPACE}", "--wait")
        _run("kubectl", f"--kubeconfig={site}", "delete", "namespace", NAMESPACE)
        _run("fedtrain", "participant", "revoke", who)
        _run("kubectl", "delete", "namespace", who)


def _helm(site: str, *arguments: str) -> None:
    _run("helm", f"--kubeconfig={site}", *arguments)


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def main() -> int:
    with TemporaryDirectory() as folder:
        seconds = [join(f"joining-{number}", os.environ["SITE_1"], Path(folder)) for number in range(1, TIMES + 1)]
    print(f"helm install to Connected, {TIMES} times: {', '.join(f'{one:.1f}' for one in seconds)} s")
    print(f"median {median(seconds):.1f} s, longest {max(seconds):.1f} s (target under {TARGET_SECONDS:.0f} s)")
    return 0 if max(seconds) < TARGET_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
