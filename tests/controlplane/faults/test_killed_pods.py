"""Trainers and aggregators that die around their writes: another attempt continues, and the digests are the same."""

from tests.controlplane.faults.scene import Scene
from tests.controlplane.pods import Pods
from tests.controlplane.training import Digests

UPDATE = r"/updates/bank-a/\d+/(?!record)"
RECORD = r"/updates/bank-a/\d+/record"
WRITES = {
    "-inspect-bank-a-": ("preflight/bank-a",),
    "-0-initialise-": ("blobs/", "initial.json"),
    "-0-evaluate-": ("evaluation-0.json",),
    "-1-train-bank-a-": (UPDATE, RECORD),
    "-1-aggregate-1-": ("blobs/", "aggregate-1.json"),
    "-measure-bank-b-": ("measurements/bank-b",),
}
"""What the pods of these names write, in order. Between two writes is after the one and before the other."""


def test_pods_killed_before_and_after_each_of_their_writes(scene: Scene, pods: Pods, undisturbed: Digests) -> None:
    pods.faults = {
        text: " ".join(f"{when}:{write}" for write in writes for when in ("before", "after"))
        for text, writes in WRITES.items()
    }
    with scene.operator():
        scene.apply(rounds={"count": 2, "retries": 5})
        scene.succeeded_with(undisturbed)
        for text, writes in WRITES.items():
            assert len(pods.killed_at(text)) == 2 * len(writes), text
        scene.delete()
