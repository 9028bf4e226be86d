"""The key of a participant's shares of noise: in a Secret that its owner names, mounted into training pods only."""

from typing import Any

from fedtrain.api.training_task import TrainingTaskSpec
from fedtrain.contracts.tasks import Assignment, NoiseShare, PrivacyPromise, Train, UpdateClipping
from fedtrain.contracts.wire.task import from_wire, to_wire
from fedtrain.manifests.policy_check import Refusal, judge
from fedtrain.manifests.pytorch_job import PyTorchJobs
from tests.unit.operator.policy_tasks import IMAGE, train
from tests.unit.operator.worlds import policy, task


def asking(**noise: Any) -> TrainingTaskSpec:
    """A task that asks for a share of noise."""
    order = train()
    asked = from_wire(order.task.model_dump(mode="json", by_alias=True, exclude_none=True))
    assert isinstance(asked.work, Train)
    share = NoiseShare(multiplier=1.0, updates=2, **noise)
    promise = None if noise else PrivacyPromise(unit="Participant", multiplier=1.0, delta=1e-5)
    work = asked.work.model_copy(update={"clipping": UpdateClipping(bound=0.5), "noise": share})
    return TrainingTaskSpec.model_validate(
        {
            **order.model_dump(mode="json", by_alias=True, exclude_none=True),
            "task": to_wire(asked.model_copy(update={"work": work, "privacy": promise, "min_participants": 2})),
        }
    )


def mounted(order: TrainingTaskSpec, **fields: Any) -> tuple[str | None, list[str]]:
    """The path of the key in the trainer's assignment, and the Secrets of the pod."""
    own = policy(**fields)
    judged = judge(order, own, IMAGE)
    assert isinstance(judged, Assignment)
    job = PyTorchJobs(IMAGE, "Always").render(task("bank-b"), order, judged, own)
    volumes = job["spec"]["pytorchReplicaSpecs"]["Master"]["template"]["spec"]["volumes"]
    return judged.binding.noise_key, [volume["secret"]["secretName"] for volume in volumes if "secret" in volume]


KEY: dict[str, Any] = {"privacy": {"noiseKeySecretRef": {"name": "fedtrain-noise"}}}


def test_the_secret_of_the_policy_is_mounted_for_a_share_of_noise() -> None:
    path, secrets = mounted(asking(), **KEY)
    assert path == "/var/run/fedtrain/noise/key"
    assert "fedtrain-noise" in secrets


def test_other_tasks_do_not_get_the_key() -> None:
    path, secrets = mounted(train(), **KEY)
    assert path is None
    assert "fedtrain-noise" not in secrets
    assert mounted(asking(testing_seed=1), **KEY) == (None, secrets)


def test_without_a_key_the_task_is_refused_with_the_command() -> None:
    judged = judge(asking(), policy(), IMAGE)
    assert isinstance(judged, Refusal)
    assert judged.reason == "NoNoiseKey"
    assert "kubectl create secret generic fedtrain-noise" in judged.message
