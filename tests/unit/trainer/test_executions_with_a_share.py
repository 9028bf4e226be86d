"""Executions of one attempt that adds a share of the noise: the hub sees one noisy update of them, which is counted."""

from pathlib import Path

import pytest
from fedtrain_trainer.outcome import Interrupted, Outcome
from fedtrain_trainer.run import run_task
from tiny_federation import Federation, classified

from fedtrain.contracts import names
from fedtrain.contracts.exit_codes import EXIT_DONE, EXIT_RETRY
from fedtrain.contracts.noise_records import NoiseDraw
from fedtrain.contracts.tasks import Assignment, PrivacyPromise
from fedtrain.contracts.untrusted_records import Update
from fedtrain.ledger.task_ledger import TaskLedger

FOLDER = names.update_folder(1, "a", 1)


class KilledAtUpload(TaskLedger):
    def put_update(self, path: Path) -> tuple[str, str, int]:
        super().put_update(path)
        raise Interrupted("SIGTERM")


@pytest.fixture
def federation(tmp_path: Path, bases: dict[str, Path]) -> Federation:
    return Federation(tmp_path, bases["llama"], classified(40))


def sharing(federation: Federation, key: bytes, seed: int | None = None) -> Assignment:
    """A task with a share among 4 updates. `key`: of the noise; other noise makes another update. `seed`: of a test."""
    file = federation.folder / "noise.key"
    file.write_bytes(key)
    share = {"multiplier": 1.0, "updates": 4, "testingSeed": seed}
    found = federation.assignment(federation.train_work(clipping={"bound": 0.5}, noise=share), round=1)
    promise = PrivacyPromise(unit="Participant", multiplier=1.0, delta=1e-5) if seed is None else None
    task = found.task.model_copy(update={"privacy": promise, "min_participants": 4})
    return Assignment(task=task, binding=found.binding.model_copy(update={"noise_key": str(file)}))


def killed(federation: Federation, assignment: Assignment) -> Outcome:
    store = KilledAtUpload(federation.ledger, assignment.task)
    return run_task(assignment, store=store, models=federation.models)


def test_an_execution_with_the_same_noisy_update_sends_it_again(federation: Federation) -> None:
    assert killed(federation, sharing(federation, b"k" * 32)).code != EXIT_DONE
    assert federation.ledger.read(names.update(1, "a", 1), Update) is None
    assert federation.run(sharing(federation, b"k" * 32)).reason == ""
    update = federation.record(names.update(1, "a", 1), Update)
    draw = federation.record(names.noise_draw(1, "a", 1), NoiseDraw)
    assert update.digest == f"blake3:{draw.execution}{update.digest[-32:]}", "the claim names the update"
    files = [name for name in federation.ledger.names(f"{FOLDER}/") if name.endswith(".safetensors")]
    assert len({federation.ledger.content(name) for name in files}) == 1


def test_an_execution_with_another_noisy_update_sends_nothing(federation: Federation) -> None:
    """As on GPUs, whose results differ in the last bits, or with a new key."""
    assert killed(federation, sharing(federation, b"k" * 32)).code != EXIT_DONE
    before = list(federation.ledger.names(f"{FOLDER}/"))
    outcome = federation.run(sharing(federation, b"o" * 32))
    assert outcome.code == EXIT_RETRY
    assert "another execution of this attempt has drawn the noise of its update" in outcome.reason
    assert list(federation.ledger.names(f"{FOLDER}/")) == before
    assert federation.ledger.read(names.update(1, "a", 1), Update) is None


def test_noise_of_a_testing_seed_is_not_claimed(federation: Federation) -> None:
    assert federation.run(sharing(federation, b"k" * 32, seed=1)).reason == ""
    assert federation.ledger.read(names.noise_draw(1, "a", 1), NoiseDraw) is None
