"""A participant whose hub is another cluster: tasks there, jobs here."""

import asyncio

import pytest
from fedtrain_operator.kube.api_error import ApiError
from fedtrain_operator.kube.cache import Cache
from fedtrain_operator.participant.jobs import Jobs, Load
from fedtrain_operator.participant.participant_reconciler import Records, report
from fedtrain_operator.participant.sites import Sites
from fedtrain_operator.participant.task_reconciler import Tasks

from fedtrain.manifests.kinds import Json, Ref
from fedtrain.manifests.labels import FINGERPRINT_SECRET, TRANSFER_SECRET
from fedtrain.manifests.pytorch_job import PyTorchJobs
from tests.unit.operator.api_server import ApiServer, Request
from tests.unit.operator.federation import Time
from tests.unit.operator.worlds import signed, task

HUB, HERE = "at-bank-b", "training"
HEARTBEAT = 35.0


class Remote:
    """bank-b in a cluster of its own, with one task."""

    def __init__(self) -> None:
        self.hub, self.here = ApiServer(HUB), ApiServer(HERE)
        self.sites = Sites(hub=self.hub, here=self.here, participant="bank-b")
        launcher = PyTorchJobs("trainer:1", "IfNotPresent")
        self.tasks = Tasks(self.sites, launcher, pod_check=10.0, hub="https://hub.example.org", clock=Time())
        policy = {"datasets": [{"name": "tickets", "uri": "/data/tickets.jsonl"}]}
        self.here.add("participantpolicies", {"metadata": {"name": "bank-b", "namespace": HERE}, "spec": policy})
        body = self.hub.add("trainingtasks", task("bank-b"))
        self.sign(body)
        for name in (TRANSFER_SECRET, FINGERPRINT_SECRET):  # of the participant's chart
            self.here.add("secrets", {"metadata": {"name": name, "namespace": HERE}})
        self.ref = Ref(HUB, body["metadata"]["name"])
        self.tasks.tasks.put(body)

    def sign(self, body: Json) -> None:
        """As the coordinator does."""
        secret = signed(body["metadata"]["uid"])
        known = self.hub.objects.get(("secrets", HUB, TRANSFER_SECRET), {}).get("data", {})
        metadata = {**secret["metadata"], "namespace": HUB}
        self.hub.add("secrets", {"metadata": metadata, "data": {**known, **secret["data"]}})

    def reconcile(self) -> None:
        asyncio.run(self.tasks.reconcile(self.ref))

    def delete_task(self) -> None:
        self.tasks.tasks.drop(self.hub.objects.pop(("trainingtasks", HUB, self.ref.name)))

    @property
    def jobs(self) -> list[Json]:
        return self.here.all("pytorchjobs")


def test_jobs_run_here_and_status_is_written_at_the_hub() -> None:
    remote = Remote()
    remote.reconcile()
    (job,) = remote.jobs
    assert job["metadata"]["namespace"] == HERE
    assert "ownerReferences" not in job["metadata"]
    job = remote.here.add("pytorchjobs", {**job, "status": {"conditions": [{"type": "Succeeded", "status": "True"}]}})
    remote.tasks.jobs.cache.put(job)
    remote.reconcile()
    assert remote.hub.objects["trainingtasks", HUB, remote.ref.name]["status"]["phase"] == "Succeeded"
    assert {one.kind for one in remote.hub.requests} == {"trainingtasks/status"}
    assert {one.kind for one in remote.here.requests} == {"pytorchjobs", "configmaps", "events", "secrets"}


def test_an_event_of_a_job_names_the_task_at_the_hub() -> None:
    sites = Remote().sites
    task_ref = Ref(HUB, "tickets-1")
    assert sites.here_of(task_ref) == Ref(HERE, "tickets-1")
    assert sites.hub_of(Ref(HERE, "tickets-1")) == task_ref


def test_a_job_is_deleted_once_a_list_shows_that_its_task_is_gone() -> None:
    remote = Remote()
    remote.reconcile()
    remote.delete_task()
    remote.reconcile()
    assert remote.jobs == []


@pytest.mark.parametrize("error", [ApiError(404, "NotFound", "unknown kind"), ApiError(0, "Unreachable", "timeout")])
def test_a_job_stays_while_the_hub_cannot_list_its_tasks(error: ApiError) -> None:
    """A hub that lost its CustomResourceDefinitions, or a proxy in between, answers 404 to everything."""
    remote = Remote()
    remote.reconcile()
    remote.delete_task()

    def fault(request: Request) -> ApiError | None:
        return error

    remote.hub.fault = fault
    with_error = pytest.raises((ApiError, TimeoutError))
    with with_error:
        asyncio.run(asyncio.wait_for(remote.tasks.reconcile(remote.ref), 0.05))
    assert len(remote.jobs) == 1


def heart(remote: Remote, clock: Time | None = None) -> Records:
    return Records(
        remote.sites,
        remote.tasks.policies,
        remote.tasks.jobs,
        version="0.1.0",
        heartbeat=HEARTBEAT,
        clock=clock or Time(),
    )


def test_a_remote_participant_reports_to_its_own_record_without_reading_it() -> None:
    remote = Remote()
    remote.hub.add("participants", {"metadata": {"name": "bank-b"}, "spec": {"namespace": HUB, "cluster": "Own"}})
    reads: list[str] = []

    def fault(request: Request) -> ApiError | None:
        if request.verb in ("get", "list"):
            reads.append(request.kind)
        return None

    remote.hub.fault = fault
    asyncio.run(heart(remote).reconcile(Ref("", "bank-b")))
    status = remote.hub.objects["participants", "", "bank-b"]["status"]
    assert status["datasets"] == [{"name": "tickets"}]
    assert (status["version"], status["heartbeatSeconds"]) == ("0.1.0", 35)
    assert reads == []


def test_a_hub_that_drops_fields_it_does_not_know_gets_no_further_reports() -> None:
    """Its version may be older."""
    remote, bank = Remote(), Ref("", "bank-b")
    body = remote.hub.add("participants", {"metadata": {"name": bank.name}, "spec": {"namespace": HUB}})
    records = heart(remote)
    for _ in range(3):
        asyncio.run(records.reconcile(bank))
        known = records.records.get(bank)
        assert known is not None
        known["status"].pop("version", None)
        records.records.put(remote.hub.add("participants", {**body, "status": known["status"]}))
    assert len([one for one in remote.hub.requests if one.verb == "patch"]) == 1


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5], ids=lambda share: f"{share:.0%} of the interval later")
def test_a_pass_that_sends_no_heartbeat_does_not_delay_the_next_one(share: float) -> None:
    """Nothing has changed: a policy was written again, or the watch brings the heartbeat itself."""
    remote, bank, time = Remote(), Ref("", "bank-b"), Time()
    remote.hub.add("participants", {"metadata": {"name": bank.name}, "spec": {"namespace": HUB}})
    records = heart(remote, time)
    asyncio.run(records.reconcile(bank))
    time.now += (elapsed := share * HEARTBEAT)
    after = asyncio.run(records.reconcile(bank)).after
    assert len(remote.hub.requests) == 1
    assert after is not None
    assert 0 < after <= HEARTBEAT - elapsed
    time.now += after
    asyncio.run(records.reconcile(bank))
    assert len(remote.hub.requests) == 2


def test_the_hubs_own_participant_controller_leaves_remote_participants_alone() -> None:
    hub = ApiServer()
    sites = Sites(hub=hub, here=hub)
    jobs = Jobs(sites, PyTorchJobs("trainer:1", "IfNotPresent"))
    records = Records(sites, Cache(), jobs, version="0.1.0", heartbeat=35.0, clock=Time())
    spec = {"namespace": HUB, "cluster": "Own"}
    records.records.put(hub.add("participants", {"metadata": {"name": "bank-b"}, "spec": spec}))
    asyncio.run(records.reconcile(Ref("", "bank-b")))
    assert hub.requests == []


def test_a_participant_reports_its_gpus_and_what_runs() -> None:
    remote = Remote()
    remote.reconcile()
    (job,) = remote.jobs
    running = {"conditions": [{"type": "Running", "status": "True"}]}
    remote.tasks.jobs.cache.put(remote.here.add("pytorchjobs", {**job, "status": running}))
    assert remote.tasks.jobs.load(HERE, "bank-b") == Load((job["metadata"]["name"],), gpus=2)
    assert remote.tasks.jobs.load(HERE, "bank-a") == Load((), gpus=0)
    limits = {"gpus": 8, "gpuModel": "NVIDIA H100", "gpuMemory": "40Gi"}
    datasets = [{"name": "b", "uri": "/b.jsonl", "samples": 4200}, {"name": "a", "uri": "/a.jsonl"}]
    assert report({"spec": {"datasets": datasets, "limits": limits}}, Load(("tickets-1-train-bank-b-1",), 2)) == {
        "datasets": [{"name": "a"}, {"name": "b", "samples": 4200}],
        "datasetNames": "a, b (4200)",
        "gpus": {"offered": 8, "free": 6, "model": "NVIDIA H100", "memory": "40Gi"},
        "running": 1,
        "runningTasks": ["tickets-1-train-bank-b-1"],
    }


def test_a_policy_without_limits_offers_no_number_of_gpus_and_names_of_data_sets_are_few() -> None:
    policy = {"spec": {"datasets": [{"name": name} for name in "abcde"]}}
    assert report(policy, Load((), 0))["datasetNames"] == "a, b, c, +2"
    assert report(policy, Load((), 0))["gpus"] is None
    long = {"spec": {"datasets": [{"name": letter * 40} for letter in "abcde"]}}
    assert len(report(long, Load((), 0))["datasetNames"]) == 128
    nothing = {"datasets": [], "datasetNames": None, "gpus": None, "running": 0, "runningTasks": None}
    assert report(None, Load((), 0)) == nothing
