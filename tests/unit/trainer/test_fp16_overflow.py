"""Steps that the gradient scaler skips because gradients overflow."""

import json
from typing import Any

import pytest
import torch
from tiny_federation import Federation

from fedtrain.contracts.exit_codes import EXIT_REFUSED

INITIAL_SCALE = 65536.0


class Overflowing(torch.amp.GradScaler):
    """An enabled scaler on CPU whose gradients overflow while the scale is at least `limit`."""

    limit = 0.0

    def __init__(self, device: str, enabled: bool) -> None:
        super().__init__(device, init_scale=INITIAL_SCALE, enabled=True)

    def scale(self, outputs: Any) -> Any:
        return super().scale(outputs) * (float("inf") if self.get_scale() >= self.limit else 1.0)


def test_a_task_of_which_every_step_overflows_is_refused(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = federation.train_work()
    monkeypatch.setattr("torch.amp.GradScaler", Overflowing)
    refused = federation.run(federation.assignment(work, round=1))
    assert refused.code == EXIT_REFUSED
    assert (
        "4 steps overflowed in FP16, so no step was taken; set `training.precision` to `BF16` or `FP32`"
        in refused.reason
    )


def test_skipped_steps_are_counted_in_the_telemetry(federation: Federation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.amp.GradScaler", Overflowing)
    monkeypatch.setattr(Overflowing, "limit", INITIAL_SCALE)
    update = federation.trained()
    assert any(bool(tensor.any()) for tensor in federation.weights(update).values())
    telemetry = json.loads(federation.ledger.store.get("default/words/telemetry/rounds/0001/a-1/trainer.json"))
    assert telemetry["skippedSteps"] == 1
