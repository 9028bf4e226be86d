"""A hub and two participants, each with a cluster of its own, which join by invitation and over outgoing connections
only. The other two participants of the quickstart have namespaces in the hub's cluster. One story, in this order."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fedtrain.contracts import names
from fedtrain.contracts.untrusted_records import Update
from fedtrain.manifests.labels import TRANSFER_SECRET
from hack.cluster.api import Api, Json
from hack.cluster.cluster import Cluster
from hack.cluster.eventually import PATIENCE_SECONDS, eventually
from hack.cluster.images import Image
from hack.cluster.processes import ProgramFailed
from hack.cluster.s3_server import S3Server
from hack.cluster.space import MACHINE
from tests.controlplane.joining import fedtrain, held_at
from tests.controlplane.training import POLICIES, PYTORCHJOBS, TASKS, Digests, attempts
from tests.e2e.connecting import Probe
from tests.e2e.federation import claim_folder
from tests.e2e.installing import Release, connects_to
from tests.e2e.quickstart_file import QuickstartFile
from tests.e2e.sites import NAMESPACE, TRAINERS, Site
from tests.support.operating import NOT_ALLOWED
from tests.support.proxy import Proxy

AFAR, AT_HUB = ("zoo", "museum"), ("botanic-garden", "observatory")
"""Participants with a cluster of their own, and those with a namespace in the hub's cluster."""
CUT_OFF, SPOOLS = AFAR
SECONDS_PER_ROUND = 120
SPOOL = "spool"
TARGET_SECONDS = 15


@pytest.fixture(scope="module")
def quickstart(
    request: pytest.FixtureRequest, s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> QuickstartFile:
    """The participants' data, and what the hub evaluates with."""
    folder, rounds = tmp_path_factory.mktemp("three-clusters"), request.config.getoption("--quickstart-rounds")
    assert rounds is not None
    made = QuickstartFile(folder, "three-clusters", inputs="three-clusters-inputs", rounds=rounds)
    made.write_data()
    made.upload(s3_server)
    return made


@pytest.fixture(scope="module")
def alone(quickstart: QuickstartFile, s3_server: S3Server) -> Iterator[subprocess.Popen[bytes]]:
    """`fedtrain run` of the same file on this machine, while pods do the same."""
    with quickstart.alone(s3_server) as process:
        yield process


@pytest.fixture(scope="module")
def expected(quickstart: QuickstartFile, alone: subprocess.Popen[bytes]) -> Digests:
    """The digests of that run. It runs beside the pods: tests wait for it last."""
    return quickstart.digests_alone(alone, PATIENCE_SECONDS + SECONDS_PER_ROUND * quickstart.rounds)


@pytest.fixture(scope="module")
def store(s3_server: S3Server) -> Iterator[Proxy]:
    """The way to the store: a test can take it away."""
    with Proxy(s3_server.endpoint, address=MACHINE) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def sites(
    hub: Cluster,
    operator_image: Image,
    trainer_image: Image,
    quickstart: QuickstartFile,
    s3_server: S3Server,
    store: Proxy,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Site]]:
    """Clusters with data. They have not joined yet. The second one has a volume for trained updates."""
    images = [operator_image, trainer_image]
    spool = tmp_path_factory.mktemp("spool")
    spool.chmod(0o777)
    with Cluster(AFAR[0], images=images) as one, Cluster(AFAR[1], images=images) as two:
        clusters = zip(AFAR, (one, two), strict=True)
        made = {who: Site(who, cluster, hub, (s3_server.address, store.address)) for who, cluster in clusters}
        for who, site in made.items():
            site.create_namespace()
            quickstart.give_inputs(site.api, who, NAMESPACE)
            site.close(hub.control_plane.address, s3_server.address)
        claim_folder(made[SPOOLS].api, SPOOL, spool, NAMESPACE, "ReadWriteOnce")
        yield made


@pytest.fixture(scope="module")
def api(hub: Cluster) -> Api:
    return hub.control_plane.api


def test_participants_join_with_an_invitation_and_helm_install(
    sites: dict[str, Site],
    hub: Cluster,
    release: Release,
    api: Api,
    quickstart: QuickstartFile,
    alone: subprocess.Popen[bytes],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for who in AT_HUB:
        quickstart.settle(api, who)
    for who, site in sites.items():
        file = tmp_path / f"{who}.yaml"
        invited = fedtrain(hub.control_plane, "invite", who, "--allow=*", f"--namespace=at-{who}", f"--out={file}")
        assert invited.exit_code == 0, invited.output
        site.join(file)
        policy = quickstart.policy(who)
        policy["spec"] |= {"logs": "Failures"} | ({"spool": {"volumeClaim": SPOOL}} if who == SPOOLS else {})
        site.api.create(POLICIES, policy, NAMESPACE)
    with capsys.disabled():
        for site in sites.values():
            print(f"\n{site.who}: connected {site.connected_seconds:.1f} s after helm install, target {TARGET_SECONDS}")


@pytest.fixture(scope="module")
def applied(quickstart: QuickstartFile, api: Api, s3_server: S3Server, store: Proxy) -> QuickstartFile:
    """The training. In its last round, the store takes no update of the participant with a volume."""
    quickstart.prepare(api, s3_server)
    bucket = quickstart.bucket(s3_server)
    bucket["s3"]["endpoint"] = store.url
    store.out = f"PUT .*/{names.update_folder(quickstart.rounds, SPOOLS, 1)}"
    quickstart.apply(api, s3_server, storage=bucket)
    return quickstart


def test_a_hub_that_is_lost_while_a_participant_trains_learns_of_it_later(
    applied: QuickstartFile, sites: dict[str, Site], hub: Cluster, api: Api
) -> None:
    site, last = sites[CUT_OFF], f"-{applied.rounds}-train-"
    eventually(
        lambda: _phases(site, last) == ["Running"], PATIENCE_SECONDS + SECONDS_PER_ROUND * applied.rounds, often=True
    )
    site.cut(*hub.control_plane.address)
    eventually(lambda: _phases(site, last) == ["Succeeded"])
    assert _status(api, applied, CUT_OFF).get("phase") != "Succeeded", "the hub cannot know it"
    site.heal(*hub.control_plane.address)
    eventually(lambda: _status(api, applied, CUT_OFF).get("phase") == "Succeeded")


def test_an_update_that_the_store_does_not_take_waits_on_a_volume_without_a_gpu(
    applied: QuickstartFile, api: Api, store: Proxy
) -> None:
    """The trained update stays on its volume, and a job without GPUs uploads it later."""
    eventually(lambda: _status(api, applied, SPOOLS).get("reason") == "Uploading", often=True)
    store.out = ""


def test_the_adapters_of_three_clusters_are_those_of_fedtrain_run(
    applied: QuickstartFile, sites: dict[str, Site], api: Api, s3_server: S3Server, expected: Digests
) -> None:
    """The quickstart's own file. The lost links cost no attempt, and nothing is trained twice."""
    ledger = applied.succeeded_with(expected, api, s3_server)
    assert len(expected) == applied.rounds + 1
    assert attempts(ledger) == []
    for site in sites.values():
        eventually(lambda site=site: site.api.list(PYTORCHJOBS, NAMESPACE) == [])
        eventually(lambda site=site: not site.api.get("v1/secrets", TRANSFER_SECRET, NAMESPACE).get("data"))


def test_the_hub_holds_no_credential_of_a_participants_cluster(sites: dict[str, Site], api: Api) -> None:
    for site in sites.values():
        assert held_at(api, site.cluster.control_plane) == []


def test_no_connection_was_tried_into_a_participant_or_from_it_to_other_servers(
    sites: dict[str, Site], hub: Cluster
) -> None:
    assert {who: site.dropped() for who, site in sites.items()} == dict.fromkeys(sites, (0, 0))
    one, other = (site.cluster for site in sites.values())
    for cluster in (hub, other):  # the network is closed, and counts what it refuses
        with pytest.raises(ProgramFailed):
            cluster.space.run("busybox", "nc", "-w", "1", *map(str, one.control_plane.address))
    assert sites[AFAR[0]].dropped()[0] > 0
    assert sites[AFAR[1]].dropped()[1] > 0


def test_network_policies_of_the_chart_refuse_what_trainers_and_operator_do_not_need(
    sites: dict[str, Site], hub: Cluster, s3_server: S3Server
) -> None:
    """Enforced by kube-router. The firewall around the cluster lets all pods connect to the hub and to the store."""
    cluster, chart = sites[AFAR[0]].cluster, sites[AFAR[0]].release.chart
    trainer = Probe.of(f"{chart}-trainers", cluster, NAMESPACE, "trainer")
    servers = {"trainer": trainer.start(), "hub": hub.control_plane.address, "store": s3_server.address}
    servers["kubernetes"] = cluster.control_plane.address
    expected = {
        Probe.of(f"{chart}-trainers", cluster, NAMESPACE, "another-trainer"): {"DNS", "store", "trainer"},
        Probe.of(chart, cluster, NAMESPACE, "operator"): {"DNS", "hub", "kubernetes"},
        Probe(cluster, NAMESPACE, "another-workload"): {"DNS", "store", "hub", "kubernetes"},
    }
    for probe in expected:
        probe.start()
    for probe, allowed in expected.items():
        eventually(lambda probe=probe, allowed=allowed: probe.reaches(servers) == allowed)


def test_the_network_policy_of_the_hubs_chart_refuses_what_trainers_in_its_cluster_do_not_need(
    sites: dict[str, Site], hub: Cluster, release: Release, s3_server: S3Server
) -> None:
    namespace = f"at-{AT_HUB[0]}"
    release.install(f"{TRAINERS}.namespaces={{{namespace}}}", connects_to(s3_server.address[1], policy=TRAINERS))
    servers = {"store": s3_server.address, "kubernetes": hub.control_plane.address}
    expected = {
        Probe.of("fedtrain-fedtrain-trainers", hub, namespace, "trainer"): {"DNS", "store"},
        Probe(hub, namespace, "another-workload"): {"DNS", "store", "kubernetes"},
    }
    for probe in expected:
        probe.start()
    for probe, allowed in expected.items():
        eventually(lambda probe=probe, allowed=allowed: probe.reaches(servers) == allowed)


def test_the_owners_audit_log_has_the_digests_of_the_ledger(
    sites: dict[str, Site], quickstart: QuickstartFile, s3_server: S3Server
) -> None:
    ledger, rounds = quickstart.ledger(s3_server), range(1, quickstart.rounds + 1)
    for who, site in sites.items():
        updates = [ledger.read(names.update(round, who, 1), Update) for round in rounds]
        digests = {update.digest for update in updates if update}
        assert len(digests) == quickstart.rounds
        eventually(lambda site=site, digests=digests: digests <= _sent(_audited(site)))
        lines = _audited(site)
        assert {line["event"] for line in lines} == {"Started", "Finished"}
        assert {(line["work"], line["round"]) for line in lines} >= {("Inspect", 0), *(("Train", k) for k in rounds)}


def test_operators_ask_for_nothing_that_their_charts_do_not_allow(
    sites: dict[str, Site], release: Release, quickstart: QuickstartFile
) -> None:
    """Roles take effect moments after an installation, so that only lines about the training count."""
    releases = [release, *(site.release for site in sites.values())]
    for one in releases:
        log = one.cluster.control_plane.kubectl("logs", f"deployment/{one.chart}", f"--namespace={one.namespace}")
        assert "Traceback" not in log, log
        assert not [line for line in log.splitlines() if NOT_ALLOWED.search(line) and quickstart.namespace in line]


def _audited(site: Site) -> list[Json]:
    """The lines of the owner's audit log."""
    done = fedtrain(site.cluster.control_plane, "audit", f"--namespace={NAMESPACE}", "--output=json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)["lines"]


def _sent(lines: list[Json]) -> set[str | None]:
    """The digests of the objects that left the cluster."""
    return {one.get("digest") for line in lines for one in line.get("sent", ())}


def _phases(site: Site, text: str) -> list[str]:
    """The phases of the pods with this text in their names."""
    pods = site.api.list("v1/pods", NAMESPACE)
    return [pod["status"]["phase"] for pod in pods if text in pod["metadata"]["name"]]


def _status(api: Api, federation: QuickstartFile, who: str) -> Json:
    """Status of the participant's task of the last round."""
    labels = f"fedtrain.dev/training-namespace={federation.namespace}"
    tasks = api.list(TASKS, f"at-{who}", labels)
    last = [one for one in tasks if f"-{federation.rounds}-train-" in one["metadata"]["name"]]
    return last[0].get("status", {}) if last else {}
