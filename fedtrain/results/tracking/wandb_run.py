"""Weights & Biases. WANDB_MODE=offline writes a folder for `wandb sync`; WANDB_PROJECT, WANDB_API_KEY and the other
variables are those of its library."""

# pyright: basic
# (an optional library)

from collections.abc import Mapping
from typing import Any

import wandb

from fedtrain.results.run_summary import RunSummary
from fedtrain.results.tracking.tracker import settings

_RUN_ONLY: dict[str, Any] = {
    "console": "off",
    "disable_code": True,
    "disable_git": True,
    "x_disable_machine_info": True,
    "x_disable_meta": True,
    "x_disable_stats": True,
    "x_save_requirements": False,
}
"""W&B gets the run's values. By default it also takes the load, paths and packages of the machine, and `fedtrain track`
need not run where the training ran."""


class WandB:
    def __init__(self, run: Any) -> None:
        self._run = run

    def tracked(self) -> int:
        return int(self._run.step) - 1  # a resumed run continues after its last step

    def write(self, round: int, values: Mapping[str, float]) -> None:
        self._run.log(dict(values), step=round)

    def close(self) -> str:
        url, folder = self._run.url, self._run.settings.sync_dir
        self._run.finish()
        wandb.teardown()  # offline, the file is complete only once the library's own process has ended
        return url or f"wandb sync {folder}"


def open_tracker(summary: RunSummary, place: str | None) -> WandB:
    run = wandb.init(
        id=summary.run_id,
        resume="allow",
        name=summary.name,
        dir=place,
        config=settings(summary),
        settings=wandb.Settings(silent=True, **_RUN_ONLY),
    )
    return WandB(run)
