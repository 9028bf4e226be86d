"""A node: containerd with runc, kubelet, kube-proxy, the network of pods with its policies, and their DNS."""

import json
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

from hack.cluster.api import Api, Json
from hack.cluster.certificates import SERVICES, make_client_certificate
from hack.cluster.control_plane import ControlPlane
from hack.cluster.eventually import eventually
from hack.cluster.images import BUSYBOX, copy_store
from hack.cluster.processes import Processes
from hack.cluster.space import Space
from hack.cluster.tools import provide
from hack.cluster.whole import kills

TOOLS = ("kubelet", "kube-proxy", "kube-router", "coredns")
PODS = "10.244.0.0/16"
KUBELET_PORT = 10250
SET = "fedtrain-check"
CONTAINERD = """
version = 2
root = "{root}"
state = "/run/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{cni}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
"""
CORE_DNS = """
.:53 {{
    bind {address}
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        kubeconfig {kubeconfig} test
    }}
}}
"""


class Node:
    """The one node of a cluster, named after it; it dies with the cluster's space."""

    def __init__(self, name: str, space: Space, folder: Path) -> None:
        self.name = name
        self._space = space
        self._folder = folder
        self._kubelet_certificate = folder / "kubelet-client.crt"

    def make_certificate(self) -> list[str]:
        """Makes the certificate by which kubelet knows the API server; gives the API server's flags for it."""
        make_client_certificate(self._kubelet_certificate, "/O=system:masters/CN=kube-apiserver")
        return [
            f"--kubelet-client-certificate={self._kubelet_certificate}",
            f"--kubelet-client-key={self._kubelet_certificate.with_suffix('.key')}",
            "--kubelet-preferred-address-types=InternalIP",
        ]

    def start(self, images: Path, plane: ControlPlane) -> None:
        """Starts the node with a copy of containerd's root, and waits until it is ready for pods."""
        tools = provide(*TOOLS)
        self._start_containerd(images, plane.processes)
        self._start_kubelet(tools["kubelet"], plane)
        plane.processes.start(
            "kube-proxy",
            tools["kube-proxy"],
            f"--kubeconfig={plane.kubeconfig}",
            f"--hostname-override={self.name}",
            f"--cluster-cidr={PODS}",
            "--proxy-mode=iptables",
            # Sysctls that only the machine itself may set.
            "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-established=0",
            "--conntrack-tcp-timeout-close-wait=0",
        )
        corefile = self._folder / "Corefile"
        corefile.write_text(CORE_DNS.format(address=self._space.place.address, kubeconfig=plane.kubeconfig))
        plane.processes.start("coredns", tools["coredns"], "-conf", corefile)
        eventually(lambda: _is_ready(plane.api, self.name))
        self._enforce_network_policies(tools["kube-router"], plane)

    def _enforce_network_policies(self, program: Path, plane: ControlPlane) -> None:
        """kube-router reads the Node when it starts. Its rules and sets end with the space's network namespace. Without
        sets in the kernel, it would only log that it enforces nothing.

        Raises:
            ProgramFailed: with the reason, from the kernel or from kube-router's log.
        """
        for change in (("create", SET, "hash:ip", "timeout", "0"), ("destroy", SET)):
            self._space.run("ipset", *change)
        plane.processes.start(
            "kube-router",
            program,
            f"--kubeconfig={plane.kubeconfig}",
            f"--hostname-override={self.name}",
            "--run-firewall",
            "--run-router=false",
            "--run-service-proxy=false",
            "--run-loadbalancer=false",
            f"--service-cluster-ip-range={SERVICES}",
            "--health-port=0",
            ready=lambda: "KUBE-ROUTER-FORWARD" in self._space.run("iptables", "--wait", "-S", "FORWARD"),
        )

    def offer(self, resource: str, amount: int, plane: ControlPlane) -> None:
        """Makes the node offer a resource it doesn't have, such as GPUs: pods that ask for it run."""
        quantities = {resource: str(amount)}
        change = {"status": {"capacity": quantities, "allocatable": quantities}}
        plane.api.patch("v1/nodes", self.name, change, subresource="status")

    def kill(self, pod: Json) -> None:
        """Ends the containers of a pod at once, as the kernel does with one that uses too much memory."""
        for command in kills(pod):
            self._space.run(*command)

    def cut_power(self, plane: ControlPlane) -> None:
        """All that runs on the node ends at once, and the API server hears nothing of it."""
        plane.processes.kill("kubelet", "containerd")
        self._space.kill_pods()

    def power_on(self, plane: ControlPlane) -> None:
        plane.processes.restart("containerd")
        eventually(lambda: self._serves(plane))

    def _serves(self, plane: ControlPlane) -> bool:
        """Whether kubelet works; it ends, and is started again, for as long as containerd gets its pods in order."""
        with suppress(OSError), socket.create_connection((self._space.place.address, KUBELET_PORT), timeout=1):
            return True
        if not plane.processes.runs("kubelet"):
            plane.processes.restart("kubelet")
        return False

    def _start_containerd(self, images: Path, processes: Processes) -> None:
        root, network = self._folder / "containerd", self._folder / "cni"
        copy_store(images, root)
        network.mkdir()
        (network / "10-pods.conflist").write_text(json.dumps(_network(network / "addresses")))
        config = self._folder / "containerd.toml"
        config.write_text(CONTAINERD.format(root=root, pause=BUSYBOX, cni=network))
        processes.start("containerd", "containerd", f"--config={config}", ready=self._containerd_answers)

    def _containerd_answers(self) -> bool:
        command = [*self._space.enter, "ctr", "version"]
        return subprocess.run(command, capture_output=True).returncode == 0

    def _start_kubelet(self, program: Path, plane: ControlPlane) -> None:
        address = self._space.place.address
        config = {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
            "address": address,
            "readOnlyPort": 0,
            "authentication": {
                "anonymous": {"enabled": False},
                "x509": {"clientCAFile": str(self._kubelet_certificate)},
            },
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": self._space.cgroup,
            "failCgroupV1": False,
            "failSwapOn": False,
            "clusterDNS": [address],
            "clusterDomain": "cluster.local",
            "resolvConf": "/dev/null",
            "podLogsDir": str(self._folder / "pods"),
            "volumePluginDir": str(self._folder / "kubelet" / "plugins"),
            # The machine's disk may be nearly full, and its images are all we have.
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
            "imageGCHighThresholdPercent": 100,
        }
        path = self._folder / "kubelet.json"
        path.write_text(json.dumps(config, indent=1))
        plane.processes.start(
            "kubelet",
            program,
            f"--config={path}",
            f"--kubeconfig={plane.kubeconfig}",
            f"--root-dir={self._folder / 'kubelet'}",
            f"--hostname-override={self.name}",
            f"--node-ip={address}",
        )


def _network(addresses: Path) -> dict[str, object]:
    """Pods reach each other by routes, not over a bridge: so their traffic always meets kube-proxy's rules."""
    ranges = {"type": "host-local", "ranges": [[{"subnet": PODS}]], "routes": [{"dst": "0.0.0.0/0"}]}
    ptp = {"type": "ptp", "ipMasq": True, "ipam": {**ranges, "dataDir": str(addresses)}}
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [ptp, {"type": "portmap"}]}


def _is_ready(api: Api, name: str) -> bool:
    node = api.find("v1/nodes", name)
    conditions = node["status"].get("conditions", []) if node else []
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
