"""A participant with a cluster of its own, which joins as docs/participants.md says."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from fedtrain.manifests.conditions import find
from hack.cluster.api import Api
from hack.cluster.cluster import Cluster
from hack.cluster.eventually import eventually
from hack.cluster.space import MACHINE
from tests.controlplane.training import PARTICIPANTS
from tests.e2e.installing import Release, connects_to

NAMESPACE = "training"
TRAINERS = "trainerNetworkPolicy"


@dataclass
class Site:
    """`hub`: the hub's cluster. `stores`: addresses of the ledger's store. `connected_seconds`: from the start of
    `helm install` to the hub's condition `Connected`."""

    who: str
    cluster: Cluster
    hub: Cluster
    stores: tuple[tuple[str, int], ...]
    connected_seconds: float = field(default=0.0)

    @property
    def api(self) -> Api:
        return self.cluster.control_plane.api

    @property
    def release(self) -> Release:
        return Release(self.cluster, "fedtrain-participant", NAMESPACE)

    def create_namespace(self) -> None:
        restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
        self.api.create("v1/namespaces", {"metadata": {"name": NAMESPACE, "labels": restricted}})

    def close(self, *egress: tuple[str, int]) -> None:
        """Let no connection in, except those of this machine, and none out, except those to these servers: as a
        firewall of an organisation does."""
        for chain in ("INPUT", "FORWARD"):
            self._iptables("-A", chain, *_INCOMING, "-j", "DROP")
        for chain in ("OUTPUT", "FORWARD"):
            for address, port in egress:
                self._iptables("-A", chain, "-o", "eth0", "-d", address, *_port(port), "-j", "ACCEPT")
            self._iptables("-A", chain, "-o", "eth0", *_NEW, "!", "-d", MACHINE, "-j", "DROP")

    def dropped(self) -> tuple[int, int]:
        """Number of packets of refused connections: incoming, and outgoing."""
        incoming = outgoing = 0
        for line in self._iptables("-L", "-v", "-n", "-x").splitlines():
            words = line.split()
            if "DROP" in words and words[0].isdigit():
                if words[5] == "eth0":
                    incoming += int(words[0])
                else:
                    outgoing += int(words[0])
        return incoming, outgoing

    def cut(self, address: str, port: int) -> None:
        """Drop all packets to a server, as a network that fails does."""
        self._change("-I", address, port)

    def heal(self, address: str, port: int) -> None:
        self._change("-D", address, port)

    def join(self, invitation: Path) -> None:
        """Install the chart with the hub's invitation, and wait until the hub shows the participant as connected."""
        settings = [
            connects_to(*(port for _, port in self.stores), policy=TRAINERS),
            *(f"{TRAINERS}.to[{at}].ipBlock.cidr={address}/32" for at, (address, _) in enumerate(self.stores)),
        ]
        begun = time.monotonic()
        self.release.install("podCheckSeconds=2", *settings, values=invitation, wait=False)
        eventually(self._is_connected)
        self.connected_seconds = time.monotonic() - begun

    def _is_connected(self) -> bool:
        record = self.hub.control_plane.api.get(PARTICIPANTS, self.who)
        found = find(record.get("status", {}).get("conditions", ()), "Connected")
        return found is not None and found["status"] == "True"

    def _change(self, action: str, address: str, port: int) -> None:
        for chain in ("OUTPUT", "FORWARD"):
            self._iptables(action, chain, "-o", "eth0", "-d", address, *_port(port), "-j", "DROP")

    def _iptables(self, *arguments: str) -> str:
        """In a table that kube-proxy leaves alone."""
        return self.cluster.space.run("iptables", "--wait", "-t", "mangle", *arguments)


_NEW = ("-m", "conntrack", "--ctstate", "NEW")
_INCOMING = ("-i", "eth0", "!", "-s", MACHINE, *_NEW)


def _port(port: int) -> tuple[str, ...]:
    return ("-p", "tcp", "--dport", str(port))
