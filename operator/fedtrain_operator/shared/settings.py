"""What the operator is told by its environment; everything about a training is in its file."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationError

from fedtrain.api.base import Block
from fedtrain.api.pods import Pods


class SettingsWrong(Exception):
    """A variable that the operator can't do without is not set, or can't be read."""


class HubPods(Pods):
    """What is laid over the pods of the hub's Jobs, in the words of a policy's `pods`. `resources`: of those that the
    file asks no compute for."""

    resources: Mapping[Literal["requests", "limits"], Annotated[Mapping[str, str], Field(max_length=16)]] = {}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """`trainer_image`: of trainers, at participants and at the hub; `hub_image`: of the aggregator; when nodes fetch
    them, as Kubernetes says it. `namespaces`: those that are watched; none for all. `controllers`: which of the two run
    here. `resync`: seconds after which an object is looked at although nothing happened. `heartbeat`: seconds after
    which a participant gives a sign of life, and after thrice which the hub says that it has none. `hub_pods`: of the
    hub's Jobs."""

    trainer_image: str
    hub_image: str
    trainer_pull_policy: str = "IfNotPresent"
    hub_pull_policy: str = "IfNotPresent"
    namespaces: tuple[str, ...] = ()
    controllers: tuple[str, ...] = ("coordinator", "participant")
    resync: float = 120.0
    pod_check: float = 10.0
    heartbeat: float = 600.0
    health_port: int = 8080
    metrics_port: int = 8081
    hub_pods: HubPods = field(default_factory=HubPods)
    version: str = "0.1.0"

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Raises SettingsWrong."""

        def needed(name: str) -> str:
            value = environment.get(name, "")
            if not value:
                raise SettingsWrong(f"{name} is not set: the image that pods are started from. The chart sets it.")
            return value

        return cls(
            trainer_image=needed("FEDTRAIN_TRAINER_IMAGE"),
            hub_image=needed("FEDTRAIN_HUB_IMAGE"),
            trainer_pull_policy=environment.get("FEDTRAIN_TRAINER_PULL_POLICY", cls.trainer_pull_policy),
            hub_pull_policy=environment.get("FEDTRAIN_HUB_PULL_POLICY", cls.hub_pull_policy),
            namespaces=_names(environment.get("FEDTRAIN_NAMESPACES", "")),
            controllers=_names(environment.get("FEDTRAIN_CONTROLLERS", "")) or cls.controllers,
            resync=float(environment.get("FEDTRAIN_RESYNC_SECONDS", cls.resync)),
            pod_check=float(environment.get("FEDTRAIN_POD_CHECK_SECONDS", cls.pod_check)),
            heartbeat=float(environment.get("FEDTRAIN_HEARTBEAT_SECONDS", cls.heartbeat)),
            health_port=int(environment.get("FEDTRAIN_HEALTH_PORT", cls.health_port)),
            metrics_port=int(environment.get("FEDTRAIN_METRICS_PORT", cls.metrics_port)),
            hub_pods=_read("FEDTRAIN_HUB_PODS", HubPods, environment),
        )


B = TypeVar("B", bound=Block)


def _read(name: str, kind: type[B], environment: Mapping[str, str]) -> B:
    """A block as JSON; its defaults if the variable is not set."""
    try:
        return kind.model_validate_json(environment.get(name) or "{}")
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(map(str, problem["loc"]))
        raise SettingsWrong(f"{name}: {f'{where}: ' if where else ''}{problem['msg']}. The chart sets it.") from error


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
