"""MLflow. MLFLOW_TRACKING_URI names a server or a database, MLFLOW_EXPERIMENT_NAME the experiment."""

# pyright: basic
# (an optional library)

import os
import time
from collections.abc import Mapping
from typing import Any

from mlflow.entities import Metric
from mlflow.tracking import MlflowClient

from fedtrain.results.run_summary import RunSummary
from fedtrain.results.tracking.tracker import settings

_RUN = "fedtrain.run"
_ROUND = "fedtrain.round"
_EXPERIMENT = "fedtrain"


class MLflow:
    def __init__(self, client: Any, run: Any, place: str) -> None:
        self._client, self._run, self._place = client, run, place

    def tracked(self) -> int:
        return int(self._run.data.tags.get(_ROUND, -1))

    def write(self, round: int, values: Mapping[str, float]) -> None:
        now = int(time.time() * 1000)
        metrics = [Metric(name, value, now, round) for name, value in values.items()]
        for at in range(0, len(metrics), 1000):  # MLflow's most in one request
            self._client.log_batch(self._run.info.run_id, metrics=metrics[at : at + 1000])
        self._client.set_tag(self._run.info.run_id, _ROUND, str(round))

    def close(self) -> str:
        self._client.set_terminated(self._run.info.run_id)
        return f"mlflow ui --backend-store-uri {self._place}"


def open_tracker(summary: RunSummary, place: str | None) -> MLflow:
    client = MlflowClient(tracking_uri=place)
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", _EXPERIMENT)
    experiment = client.get_experiment_by_name(name)
    number = experiment.experiment_id if experiment else client.create_experiment(name)
    found = client.search_runs([number], filter_string=f"tags.`{_RUN}` = '{summary.run_id}'", max_results=1)
    run = found[0] if found else client.create_run(number, tags={_RUN: summary.run_id}, run_name=summary.name)
    if not found:
        for key, value in settings(summary).items():
            client.log_param(run.info.run_id, key, value)
    return MLflow(client, run, client.tracking_uri)
