"""The links of a participant with a cluster of its own to the hub and to the store fail: for moments, and past the
deadline. The one to the hub is a proxy for TLS connections, and the hub's certificate has a private authority."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fedtrain.contracts import names
from fedtrain.contracts.records import Manifest, Plan
from fedtrain.rounds.unreachable import SILENT
from hack.cluster.api import Api, Json
from hack.cluster.control_plane import ControlPlane
from hack.cluster.eventually import eventually
from hack.cluster.kubeconfig import Credentials
from hack.cluster.s3_server import S3Server
from tests.controlplane.faults.operators import SupervisedOperator
from tests.controlplane.joining import HERE, Joined, join
from tests.controlplane.planes import plane_in
from tests.controlplane.pods import Pods
from tests.controlplane.training import (
    PARTICIPANTS,
    POLICIES,
    PYTORCHJOBS,
    TASKS,
    Digests,
    Federation,
    attempts,
    digests,
)
from tests.support.connect_proxy import ConnectProxy
from tests.support.link import Link
from tests.support.operating import Operator

LEAST_SECONDS = 30
"""A deadline. The hub's jobs have twice as long. The next round has it, too, until the test raises it again."""
UPLOADED = 4096
"""Bytes of an update, of which there are more."""
OFTEN, SELDOM = "5", "600"
"""Seconds between heartbeats of the far participant. With the latter it never counts as silent here."""
NEAR, FAR = "bank-a", "bank-w"
"""The participants: one in the hub's cluster, one with a cluster of its own."""


@pytest.fixture(scope="module")
def joined(
    kinds: ControlPlane,
    operator_account: Credentials,
    banks: Federation,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Joined]:
    with plane_in(tmp_path_factory.mktemp("bank")) as bank:
        made = join(kinds, bank, tmp_path_factory.mktemp("joined"), FAR)
        bank.api.create(POLICIES, pair(banks, "default").policy(FAR), HERE)
        yield made


def pair(banks: Federation, namespace: str) -> Federation:
    """A federation of both. The one in its own cluster has the rows of the other tests' second participant."""
    rows = banks.folder / f"{FAR}.jsonl"
    if not rows.exists():
        rows.write_text((banks.folder / "bank-b.jsonl").read_text())
    return Federation(banks.folder, namespace, "pair", (NEAR, FAR))


@pytest.fixture(scope="module")
def expected(banks: Federation, zygote: str) -> Digests:
    """The digests of `fedtrain run` of the same file."""
    return digests(pair(banks, "default").run(zygote))


@dataclass(frozen=True)
class Links:
    """A training with one far participant. `link`: of its operator to the hub. `store_link`: of its pods to the
    store. `far`: the pods of the participant's cluster."""

    federation: Federation
    hub: Api
    bank: Api
    s3_server: S3Server
    link: ConnectProxy
    store_link: Link
    far: Pods
    coordinator: SupervisedOperator
    participant: Operator

    def tasks(self, text: str) -> list[Json]:
        """The far participant's tasks of this training, at the hub."""
        found = self.hub.list(TASKS, FAR, f"fedtrain.dev/training-namespace={self.federation.namespace}")
        return [one for one in found if text in one["metadata"]["name"]]

    def jobs(self, text: str) -> list[Json]:
        return [one for one in self.bank.list(PYTORCHJOBS, HERE) if text in one["metadata"]["name"]]

    def trained(self, text: str) -> list[str]:
        """The pods of the far participant that have been started."""
        return [name for name in self.far.started if text in name]

    def cut_while_uploading(self, round: int) -> None:
        """The far participant has trained, and the link to the store fails when a part of its update has passed."""
        self.store_link.cut_at = self.store_link.sent + UPLOADED
        self.far.go(f"-{round}-train-{FAR}-")
        eventually(lambda: self.store_link.is_cut)

    def end_waiting(self, number: int) -> None:
        """The deadline of a round passes that has the update of one participant and waits for the other."""

        def place() -> Json:
            return self.federation.status(self.hub)

        eventually(lambda: (place().get("round"), place().get("participants")) == (number, "1/2"))
        spent = place()["elapsed"]["seconds"]
        self.federation.change(self.hub, rounds={"deadline": f"{max(round(spent) + 1, LEAST_SECONDS)}s"})

    def manifest(self, round: int) -> Manifest | None:
        return self.federation.ledger(self.s3_server).read(names.manifest(round), Manifest)

    def absent(self, round: int) -> list[str]:
        """The participants without a counted update, once the round has ended."""
        return [one.participant for one in eventually(lambda: self.manifest(round)).absent]

    def members(self, round: int) -> list[str]:
        """The participants of a round, once it is planned."""
        plan = eventually(lambda: self.federation.ledger(self.s3_server).read(names.plan(round), Plan))
        return [member.participant for member in plan.members]


@pytest.fixture
def links(
    request: pytest.FixtureRequest,
    joined: Joined,
    kinds: ControlPlane,
    banks: Federation,
    s3_server: S3Server,
    namespace: str,
    zygote: str,
    pods: Pods,
    operator_kubeconfig: Path,
    tmp_path: Path,
) -> Iterator[Links]:
    """Hub and participant work. `pods`: those of the hub's cluster."""
    federation = pair(banks, namespace).prepare(kinds.api, s3_server)
    with (
        ConnectProxy() as link,
        Link(s3_server.address) as store_link,
        Pods(joined.bank.api, zygote, tmp_path / "far") as far,
        SupervisedOperator(zygote, operator_kubeconfig, tmp_path, RESYNC_SECONDS="2") as coordinator,
        joined.operator(
            tmp_path,
            HUB_PROXY=link.url,
            HEARTBEAT_SECONDS=getattr(request, "param", OFTEN),
            RESYNC_SECONDS="2",
        ) as participant,
    ):
        environment = [{"name": "HTTP_PROXY", "value": store_link.url}, {"name": "NO_PROXY", "value": "elsewhere"}]
        joined.bank.api.patch(POLICIES, FAR, {"spec": {"pods": {"env": environment}}}, HERE)
        yield Links(federation, kinds.api, joined.bank.api, s3_server, link, store_link, far, coordinator, participant)
        assert link.asked == {joined.credentials.server.removeprefix("https://")}
        federation.delete(kinds.api)


def test_a_link_that_fails_for_moments_changes_no_digest_and_trains_nothing_twice(
    links: Links, pods: Pods, expected: Digests
) -> None:
    """It fails before the task is seen, while it trains, while the update is uploaded, and before the status is
    written. Both operators restart meanwhile."""
    pods.held = {"-initialise-"}
    links.far.faults = {f"-1-train-{FAR}-": "late:rounds/0001/updates/"}
    links.federation.apply(links.hub, links.s3_server)
    eventually(lambda: [one for one in links.tasks("-inspect-") if _phase(one) == "Succeeded"])

    links.link.cut()
    pods.held = set()
    eventually(lambda: links.tasks("-1-train-"))
    links.coordinator.kill()
    links.coordinator.start()
    assert links.jobs("-1-train-") == []
    links.link.heal()
    eventually(lambda: links.far.killed_at(f"-1-train-{FAR}-"))  # it has trained, and not yet delivered

    links.link.cut()
    links.participant.kill()
    links.cut_while_uploading(1)
    links.participant.start()
    links.store_link.heal()
    eventually(lambda: links.federation.status(links.hub).get("round") == 2)
    assert [_phase(one) for one in links.tasks("-1-train-")] != ["Succeeded"], "the hub has the update alone"
    links.link.heal()

    ledger = links.federation.succeeded_with(expected, links.hub, links.s3_server)
    assert attempts(ledger) == []
    assert [len(links.trained(f"-{round}-train-")) for round in (1, 2)] == [1, 1]
    assert len(links.trained("-inspect-")) == 1
    eventually(lambda: links.jobs("") == [])


def test_a_link_that_fails_past_the_deadline_costs_the_round_and_the_participant_returns(
    links: Links, pods: Pods
) -> None:
    links.far.faults = {f"-2-train-{FAR}-": "late:rounds/0002/updates/"}
    pods.held = {f"-3-train-{NEAR}-"}
    links.federation.apply(links.hub, links.s3_server, rounds={"count": 4, "minParticipants": 1})
    eventually(lambda: links.far.killed_at(f"-2-train-{FAR}-"))
    links.cut_while_uploading(2)
    links.link.cut()
    eventually(lambda: FAR in links.federation.status(links.hub).get("message", ""))
    links.end_waiting(2)
    manifest = eventually(lambda: links.manifest(2))
    (absent,) = manifest.absent
    assert (absent.participant, SILENT in absent.reason) == (FAR, True)
    links.federation.change(links.hub, rounds={"deadline": "2h"})
    assert links.members(3) == [NEAR], "a silent participant is not planned"

    links.store_link.heal()  # too late: nobody waits for this update
    links.link.heal()
    eventually(lambda: _is_connected(links.hub))
    eventually(lambda: links.jobs("-2-train-") == [])
    pods.held = set()
    links.federation.succeeded(links.hub)
    assert links.members(4) == [NEAR, FAR]
    last = links.manifest(4)
    assert last is not None
    assert last.absent == ()
    assert [len(links.trained(f"-{round}-train-")) for round in (1, 2, 3, 4)] == [1, 1, 0, 1]


@pytest.mark.parametrize("links", [SELDOM], indirect=True)
def test_a_link_that_fails_past_the_deadlines_in_other_phases_trains_nothing_twice(links: Links, pods: Pods) -> None:
    """Round 1: before the task is seen. Round 2: while it trains. Round 3: when the update is uploaded, and before the
    status is written; the round waits for the other participant until the deadline."""
    pods.held = {"-initialise-"}
    pods.faults = {f"-3-train-{NEAR}-": "late:rounds/0003/updates/"}
    links.far.faults = {f"-{round}-train-{FAR}-": f"late:rounds/000{round}/updates/" for round in (2, 3)}
    links.federation.apply(links.hub, links.s3_server, rounds={"count": 3, "minParticipants": 1}, evaluation={})
    eventually(lambda: [one for one in links.tasks("-inspect-") if _phase(one) == "Succeeded"])

    links.link.cut()
    pods.held = set()
    eventually(lambda: links.tasks("-1-train-"))
    links.end_waiting(1)
    assert links.absent(1) == [FAR]
    assert links.jobs("-1-train-") == []
    links.federation.change(links.hub, rounds={"deadline": "2h"})
    links.link.heal()

    eventually(lambda: links.far.killed_at(f"-2-train-{FAR}-"))
    links.link.cut()
    links.end_waiting(2)
    assert links.absent(2) == [FAR]
    assert links.jobs("-2-train-") != [], "it cannot know that the round has ended"
    links.federation.change(links.hub, rounds={"deadline": "2h"})
    links.far.go(f"-2-train-{FAR}-")  # too late
    links.link.heal()
    eventually(lambda: links.jobs("-2-train-") == [])

    eventually(lambda: links.far.killed_at(f"-3-train-{FAR}-"))
    links.link.cut()
    links.far.go(f"-3-train-{FAR}-")
    links.end_waiting(3)
    assert links.absent(3) == [NEAR], "the update counts without the status"
    links.federation.succeeded(links.hub)
    assert [_phase(one) for one in links.tasks("-3-train-")] != ["Succeeded"]
    links.link.heal()
    eventually(lambda: links.jobs("") == [])
    assert [links.members(round) for round in (1, 2, 3)] == [[NEAR, FAR]] * 3
    assert [len(links.trained(f"-{round}-train-")) for round in (1, 2, 3)] == [0, 1, 1]
    assert attempts(links.federation.ledger(links.s3_server)) == []


def _phase(task: Json) -> str:
    return task.get("status", {}).get("phase", "")


def _is_connected(hub: Api) -> bool:
    conditions = hub.get(PARTICIPANTS, FAR).get("status", {}).get("conditions", ())
    return any(one["type"] == "Connected" and one["status"] == "True" for one in conditions)
