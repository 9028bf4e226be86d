"""A hub and two participants, each with a cluster of its own, which join by invitation and over outgoing connections
only. One story, in this order."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fedtrain.contracts import names
from fedtrain.contracts.records import Update
from fedtrain.manifests.labels import TRANSFER_SECRET
from hack.cluster.api import Api, Json
from hack.cluster.cluster import Cluster
from hack.cluster.eventually import eventually
from hack.cluster.images import Image
from hack.cluster.processes import ProgramFailed
from hack.cluster.s3_server import S3Server
from hack.cluster.space import MACHINE
from tests.controlplane.joining import fedtrain
from tests.controlplane.training import POLICIES, PYTORCHJOBS, TASKS, Digests, attempts
from tests.e2e.federation import RealFederation, claim_folder
from tests.e2e.installing import Release
from tests.e2e.sites import NAMESPACE, Site
from tests.support.operating import NOT_ALLOWED
from tests.support.proxy import Proxy

WHO = ("clinic-a", "clinic-b")
LONG = 240
SPOOL = "spool"
TARGET_SECONDS = 15


@pytest.fixture(scope="module")
def clinics(s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> RealFederation:
    """The participants' data, and what the hub evaluates with."""
    made = RealFederation(tmp_path_factory.mktemp("clinics"), "three-clusters", who=WHO, inputs="clinics")
    made.write_data()
    made.upload(s3_server)
    return made


@pytest.fixture(scope="module")
def alone(clinics: RealFederation, s3_server: S3Server) -> Iterator[subprocess.Popen[bytes]]:
    """`fedtrain run` of the same federation on this machine, while pods do the same."""
    with clinics.alone(s3_server) as process:
        yield process


@pytest.fixture(scope="module")
def expected(clinics: RealFederation, alone: subprocess.Popen[bytes]) -> Digests:
    """The digests of that run."""
    return clinics.digests_alone(alone)


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
    clinics: RealFederation,
    s3_server: S3Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Site]]:
    """Clusters with policies and data. They have not joined yet. The second one has a volume for trained updates."""
    images = [operator_image, trainer_image]
    spool = tmp_path_factory.mktemp("spool")
    spool.chmod(0o777)
    with Cluster(WHO[0], images=images) as one, Cluster(WHO[1], images=images) as two:
        made = {who: Site(who, cluster, hub) for who, cluster in zip(WHO, (one, two), strict=True)}
        for who, site in made.items():
            site.create_namespace()
            clinics.give_inputs(site.api, who, NAMESPACE)
            site.close(_address(hub), s3_server.address)
        claim_folder(made[WHO[1]].api, SPOOL, spool, NAMESPACE, "ReadWriteOnce")
        yield made


@pytest.fixture(scope="module")
def api(hub: Cluster) -> Api:
    return hub.control_plane.api


def test_participants_join_with_an_invitation_and_helm_install(
    sites: dict[str, Site],
    hub: Cluster,
    release: Release,
    clinics: RealFederation,
    alone: subprocess.Popen[bytes],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for who, site in sites.items():
        file = tmp_path / f"{who}.yaml"
        invited = fedtrain(hub.control_plane, "invite", who, "--allow=*", f"--namespace=at-{who}", f"--out={file}")
        assert invited.exit_code == 0, invited.output
        site.join(file)
        policy = clinics.policy(who)
        policy["spec"] |= {"logs": "Failures"} | ({"spool": {"volumeClaim": SPOOL}} if who == WHO[1] else {})
        site.api.create(POLICIES, policy, NAMESPACE)
    with capsys.disabled():
        for site in sites.values():
            print(f"\n{site.who}: connected {site.connected_seconds:.1f} s after helm install, target {TARGET_SECONDS}")


def test_the_adapters_of_three_clusters_are_those_of_fedtrain_run(
    sites: dict[str, Site], api: Api, clinics: RealFederation, s3_server: S3Server, expected: Digests
) -> None:
    clinics.prepare(api, s3_server)
    clinics.apply(api, s3_server)
    ledger = clinics.succeeded_with(expected, api, s3_server)
    assert attempts(ledger) == []
    for site in sites.values():
        eventually(lambda site=site: site.api.list(PYTORCHJOBS, NAMESPACE) == [])
        eventually(lambda site=site: not site.api.get("v1/secrets", TRANSFER_SECRET, NAMESPACE).get("data"))


def test_no_connection_was_tried_into_a_participant_or_from_it_to_other_servers(
    sites: dict[str, Site], hub: Cluster
) -> None:
    assert {who: site.dropped() for who, site in sites.items()} == dict.fromkeys(sites, (0, 0))
    one, other = (site.cluster for site in sites.values())
    for cluster in (hub, other):  # the network is closed, and counts what it refuses
        with pytest.raises(ProgramFailed):
            cluster.space.run("busybox", "nc", "-w", "1", *map(str, _address(one)))
    assert sites[WHO[0]].dropped()[0] > 0
    assert sites[WHO[1]].dropped()[1] > 0


def test_the_owners_audit_log_has_the_digests_of_the_ledger(
    sites: dict[str, Site], clinics: RealFederation, s3_server: S3Server
) -> None:
    ledger = clinics.ledger(s3_server)
    for who, site in sites.items():
        done = fedtrain(site.cluster.control_plane, "audit", f"--namespace={NAMESPACE}", "--output=json")
        assert done.exit_code == 0, done.output
        lines = json.loads(done.stdout)["lines"]
        assert {line["event"] for line in lines} == {"Started", "Finished"}
        assert {(line["work"], line["round"]) for line in lines} >= {("Inspect", 0), ("Train", 1), ("Train", 2)}
        sent = {one.get("digest") for line in lines for one in line.get("sent", ())}
        updates = [ledger.read(names.update(round, who, 1), Update) for round in (1, 2)]
        assert {update.digest for update in updates if update} <= sent
        assert len(updates) == 2


def test_operators_ask_for_nothing_that_their_charts_do_not_allow(
    sites: dict[str, Site], release: Release, clinics: RealFederation
) -> None:
    """Roles take effect moments after an installation, so that only lines about the training count."""
    releases = [release, *(site.release for site in sites.values())]
    for one in releases:
        log = one.cluster.control_plane.kubectl("logs", f"deployment/{one.chart}", f"--namespace={one.namespace}")
        assert "Traceback" not in log, log
        assert not [line for line in log.splitlines() if NOT_ALLOWED.search(line) and clinics.namespace in line]


def test_a_lost_hub_and_a_lost_store_cost_no_attempt_and_no_second_training(
    sites: dict[str, Site],
    hub: Cluster,
    api: Api,
    clinics: RealFederation,
    s3_server: S3Server,
    store: Proxy,
    expected: Digests,
) -> None:
    """clinic-a loses the hub while it trains. clinic-b trains while the store takes no update: the trained update stays
    on its volume, and a job without GPUs uploads it later."""
    cut_off = RealFederation(clinics.folder, "lost-links", who=WHO, inputs=clinics.inputs, store=s3_server).prepare(
        api, s3_server
    )
    bucket = cut_off.bucket(s3_server)
    bucket["s3"]["endpoint"] = store.url
    store.out = "PUT .*/rounds/0001/updates/clinic-b/"
    cut_off.apply(api, s3_server, storage=bucket)
    cut = sites[WHO[0]]
    eventually(lambda: _phases(cut, "-1-train-") == ["Running"], LONG)
    cut.cut(*_address(hub))
    eventually(lambda: _phases(cut, "-1-train-") == ["Succeeded"], LONG)
    assert _status(api, cut_off, WHO[0]).get("phase") != "Succeeded", "the hub cannot know it"
    cut.heal(*_address(hub))
    eventually(lambda: _status(api, cut_off, WHO[1]).get("reason") == "Uploading", LONG)
    assert _status(api, cut_off, WHO[0])["phase"] == "Succeeded"
    store.out = ""
    ledger = cut_off.succeeded_with(expected, api, s3_server)
    assert attempts(ledger) == []


def _address(cluster: Cluster) -> tuple[str, int]:
    """Address and port of its API server."""
    host, _, port = cluster.control_plane.admin.server.removeprefix("https://").partition(":")
    return host, int(port)


def _phases(site: Site, text: str) -> list[str]:
    """The phases of the pods with this text in their names."""
    pods = site.api.list("v1/pods", NAMESPACE)
    return [pod["status"]["phase"] for pod in pods if text in pod["metadata"]["name"]]


def _status(api: Api, federation: RealFederation, who: str) -> Json:
    """Status of the participant's task of round 1."""
    labels = f"fedtrain.dev/training-namespace={federation.namespace}"
    tasks = [one for one in api.list(TASKS, f"at-{who}", labels) if "-1-train-" in one["metadata"]["name"]]
    return tasks[0].get("status", {}) if tasks else {}
