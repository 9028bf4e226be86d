"""An operator that is killed around every write of its own, one after the other, ends the run as if undisturbed.

One training goes through all that makes an operator write: an attempt that fails, a suspension, a failure that is gone
on from, a deletion in the middle of a round, and the end. Nothing of it is left to timing: each step waits until the
writes that it is about have been interrupted.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from fedtrain.manifests.labels import TRANSFER_SECRET
from hack.cluster.api import Refused
from hack.cluster.eventually import eventually
from tests.controlplane.faults.scene import Scene
from tests.controlplane.pods import Pods
from tests.controlplane.training import JOBS, PYTORCHJOBS, TASKS, Digests, attempts

ALL_WRITES = {
    "ledger _probe",
    "ledger run.json",
    "ledger rounds/0000/manifest.json",
    "ledger rounds/0001/plan.json",
    "ledger rounds/0001/attempts/bank-a-2.json",
    "ledger rounds/0001/close-1.json",
    "ledger failures/0001.json",
    "ledger rounds/0001/attempts/_aggregate-1-2.json",
    "ledger rounds/0001/manifest.json",
    "ledger rounds/0002/plan.json",
    "ledger rounds/0002/close-1.json",
    "ledger rounds/0002/manifest.json",
    "ledger end.json",
    "ledger delete",
    "ledger delete _probe",
    "ledger admitted preflight",
    "ledger admitted update",
    "ledger admitted measurements",
    "ledger delete incoming",
    "ledger delete rounds",
    "create secrets",
    "patch secrets",
    "create jobs initialise",
    "create jobs evaluate",
    "create jobs aggregate",
    "delete jobs initialise",
    "delete jobs evaluate",
    "delete jobs aggregate",
    "create trainingtasks inspect",
    "create trainingtasks train",
    "create trainingtasks measure",
    "patch trainingtasks train Cancel",
    "delete trainingtasks inspect",
    "delete trainingtasks train",
    "delete trainingtasks measure",
    "patch trainingtasks/status inspect Pending",
    "patch trainingtasks/status inspect Running",
    "patch trainingtasks/status inspect Succeeded",
    "patch trainingtasks/status train Pending",
    "patch trainingtasks/status train Running",
    "patch trainingtasks/status train Failed",
    "patch trainingtasks/status train Cancelled",
    "patch trainingtasks/status train Succeeded",
    "patch trainingtasks/status measure Pending",
    "patch trainingtasks/status measure Running",
    "patch trainingtasks/status measure Succeeded",
    "create pytorchjobs inspect",
    "create pytorchjobs train",
    "create pytorchjobs measure",
    "delete pytorchjobs inspect",
    "delete pytorchjobs train",
    "delete pytorchjobs measure",
    "patch federatedtrainings finalizers",
    "patch federatedtrainings annotations",
    "patch federatedtrainings/status Initialising",
    "patch federatedtrainings/status Preflight",
    "patch federatedtrainings/status Evaluating",
    "patch federatedtrainings/status Training",
    "patch federatedtrainings/status Suspended",
    "patch federatedtrainings/status Aggregating",
    "patch federatedtrainings/status Failed",
    "patch federatedtrainings/status Measuring",
    "patch federatedtrainings/status Succeeded",
    "create events",
}
OF_OTHERS = {"patch participants/status", "patch federatedtrainings/status Pending"}
"""Events of Participants, and of a training that waits for them: they may have reported their data before this test."""


@dataclass
class Story:
    """What happens to the training, step by step."""

    scene: Scene
    pods: Pods
    writes: Path
    forgotten: set[str] = field(default_factory=set[str])

    def tell(self) -> None:
        """From apply to Succeeded."""
        self.pods.held = {"-initialise-", "-inspect-bank-b-", "-train-bank-b-", "-measure-bank-b-"}
        self.pods.held |= {"-evaluate-", "-aggregate-"}
        self.pods.faults = {
            "-inspect-bank-b-": "late:preflight/",
            "-train-bank-b-": "late:record.json",
            "-measure-bank-b-": "late:measurements/",
            "-1-train-bank-a-1-": "broken:rounds/0001/updates/",
            "-1-aggregate-1-1-": "refuse:rounds/0001/aggregate-1.json",
        }
        self.scene.apply()
        self.interrupted("patch trainingtasks/status inspect Pending", "patch federatedtrainings/status Initialising")
        self.pods.held -= {"-initialise-", "-inspect-bank-b-"}
        self.interrupted("patch trainingtasks/status inspect Running", "patch federatedtrainings/status Evaluating")
        self.let_start("-evaluate-")
        self.interrupted("patch federatedtrainings/status Preflight")
        self.pods.go("-inspect-bank-b-")
        self.interrupted("patch trainingtasks/status train Failed", "ledger rounds/0001/attempts/bank-a-2.json")
        self.interrupted("patch trainingtasks/status train Pending", "patch federatedtrainings/status Training")
        self.scene.change(suspend=True)
        self.interrupted("patch trainingtasks/status train Cancelled", "patch federatedtrainings/status Suspended")
        self.scene.change(suspend=False)
        self.let_start("-train-bank-b-")
        self.interrupted("patch trainingtasks/status train Running")
        self.pods.go("-train-bank-b-")
        self.interrupted("patch federatedtrainings/status Aggregating")
        self.pods.held |= {"-train-bank-b-"}
        self.let_start("-aggregate-")
        self.interrupted("patch federatedtrainings/status Failed")
        self.scene.federation.resume(self.scene.api)
        self.interrupted("patch federatedtrainings annotations")
        eventually(lambda: self.scene.at_banks(TASKS, "-2-train-bank-b-"))
        self.delete_and_apply_again()
        self.let_start("-train-bank-b-")
        self.interrupted("patch trainingtasks/status measure Pending", "patch federatedtrainings/status Measuring")
        self.let_start("-measure-bank-b-")
        self.interrupted("patch trainingtasks/status measure Running")
        self.pods.go("-measure-bank-b-")
        self.interrupted("patch federatedtrainings/status Succeeded")

    def delete_and_apply_again(self) -> None:
        """The ledger stays the first time, and goes with the second deletion."""
        self.forget("delete ", "patch trainingtasks train Cancel", "patch federatedtrainings finalizers")
        self.scene.delete()
        self.interrupted("patch trainingtasks train Cancel", "patch secrets", "patch federatedtrainings finalizers")
        self.scene.apply(storage={**self.scene.bucket, "retentionPolicy": "Delete"})

    def let_start(self, text: str) -> None:
        self.pods.held -= {text}

    def interrupted(self, *writes: str) -> None:
        """Waits until the operator has been killed before and after these."""
        eventually(lambda: set(writes) <= self.hit("after"))

    def forget(self, *beginnings: str) -> None:
        """What begins so is interrupted once more."""
        for path in self.writes.iterdir():
            if unquote(path.name).startswith(beginnings):
                self.forgotten.add(path.name)
                path.unlink()

    def hit(self, when: str) -> set[str]:
        """The writes that the operator was killed at since then."""
        return {unquote(path.stem) for path in self.writes.glob(f"*.{when}")}

    def ever_hit(self, when: str) -> set[str]:
        earlier = {unquote(name.removesuffix(f".{when}")) for name in self.forgotten if name.endswith(f".{when}")}
        return (earlier | self.hit(when)) - OF_OTHERS


def test_killed_before_and_after_each_of_its_writes_it_ends_with_the_same_digests(
    scene: Scene, pods: Pods, undisturbed: Digests
) -> None:
    for who in scene.federation.who:  # an earlier test's Secret would be changed instead of created
        with suppress(Refused):  # there was no earlier test
            scene.api.delete("v1/secrets", TRANSFER_SECRET, f"at-{who}")
    story = Story(scene, pods, scene.folder / "writes")
    story.writes.mkdir()
    with scene.operator(module="tests.controlplane.faults.writes", TEST_WRITES=str(story.writes)) as operator:
        story.tell()
        ledger = scene.succeeded_with(undisturbed)
        assert attempts(ledger) == [f"rounds/0001/attempts/{who}-2.json" for who in ("_aggregate-1", "bank-a")]
        scene.delete()
        for kind in (TASKS, PYTORCHJOBS, "v1/pods"):
            eventually(lambda kind=kind: scene.at_banks(kind) == [])
        eventually(lambda: scene.api.list(JOBS, scene.federation.namespace) == [])
        assert ledger.names() == []
        assert scene.federation.signed(scene.api) == {}
    assert story.ever_hit("before") == story.ever_hit("after") == ALL_WRITES
    assert operator.starts > 2 * len(ALL_WRITES)
