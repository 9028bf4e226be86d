"""Settings of the operator, from its environment. The chart sets them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from fedtrain.api.base import DnsLabel, Name, ObjectName
from fedtrain.api.paths import show
from fedtrain.api.pods import Pods
from fedtrain.api.rules.validate import pods_problems
from fedtrain.manifests.namespace_role import DEFAULT_PREFIX

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Port = Annotated[int, Field(ge=0, le=65535)]
Controller = Literal["coordinator", "participant"]
LogLevel = Literal["info", "warning", "error"]
PullPolicy = Literal["Always", "IfNotPresent", "Never"]


class SettingsWrong(Exception):
    """A required variable is missing, or a variable has an invalid value."""


@dataclass(frozen=True, kw_only=True)
class Hub:
    """The hub of a participant with a cluster of its own.

    Attributes:
        server: URL of the hub's API server.
        namespace: namespace of this participant's tasks at the hub.
        participant: name of this participant, and of its ParticipantPolicy here.
        credentials: folder with `token` and, unless the system trusts the server's certificate, `ca.crt`. It is read
            again when the hub no longer accepts the token or its certificate has changed.
        service_account: ServiceAccount of the token in `namespace`; with it, the token is renewed.
        token_secret: Secret in the operator's namespace to which the renewed token is written.
        proxy: URL of the HTTP proxy; the environment's (HTTPS_PROXY, NO_PROXY) if unset.
    """

    server: str
    namespace: str
    participant: str
    credentials: str
    service_account: str | None = None
    token_secret: str | None = None
    proxy: str | None = None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Images, scope and intervals.

    Attributes:
        trainer_image: image of trainers, at participants and at the hub.
        hub_image: image of the aggregator.
        namespaces: namespaces to serve; all if empty.
        controllers: controllers that run in this process.
        resync: seconds after which an object is reconciled although nothing changed.
        pod_check: seconds between two checks of pods that wait.
        heartbeat: seconds between two heartbeats of a participant.
        log_level: least severe lines of the log.
        hub_pods: settings of the pods of the hub's Jobs.
        role_prefix: of the roles that grant the operator its rights in a namespace.
        hub: the hub, if it is another cluster.
    """

    trainer_image: str
    hub_image: str
    trainer_pull_policy: PullPolicy = "IfNotPresent"
    hub_pull_policy: PullPolicy = "IfNotPresent"
    namespaces: tuple[DnsLabel, ...] = ()
    controllers: tuple[Controller, ...] = ("coordinator", "participant")
    resync: Seconds = 120.0
    pod_check: Seconds = 10.0
    heartbeat: Seconds = 600.0
    health_port: Port = 8080
    metrics_port: Port = 8081
    log_level: LogLevel = "info"
    hub_pods: Pods = field(default_factory=Pods)
    role_prefix: ObjectName = DEFAULT_PREFIX
    hub: Hub | None = None
    version: str = "0.1.0"

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read the variables that are set and not empty. Raises SettingsWrong."""
        given = {name: text for name in VARIABLES if (text := environment.get(name, "").strip())}
        for name in ("FEDTRAIN_TRAINER_IMAGE", "FEDTRAIN_HUB_IMAGE"):
            if name not in given:
                raise SettingsWrong(f"{name} is not set. Set it to the image that pods run; the chart does.")
        found = cls(**{VARIABLES[name][0]: _value(name, text) for name, text in given.items()}, hub=_hub(environment))
        if found.hub is not None and (found.controllers != ("participant",) or len(found.namespaces) != 1):
            raise SettingsWrong(
                "FEDTRAIN_HUB_SERVER is set, so this process is a participant with a cluster of its own. Set "
                "FEDTRAIN_CONTROLLERS to participant and FEDTRAIN_NAMESPACES to its one namespace."
            )
        return found


VARIABLES: dict[str, tuple[str, Any]] = {
    # variable: the setting, and its type
    "FEDTRAIN_TRAINER_IMAGE": ("trainer_image", str),
    "FEDTRAIN_HUB_IMAGE": ("hub_image", str),
    "FEDTRAIN_TRAINER_PULL_POLICY": ("trainer_pull_policy", PullPolicy),
    "FEDTRAIN_HUB_PULL_POLICY": ("hub_pull_policy", PullPolicy),
    "FEDTRAIN_NAMESPACES": ("namespaces", tuple[DnsLabel, ...]),
    "FEDTRAIN_CONTROLLERS": ("controllers", Annotated[tuple[Controller, ...], Field(min_length=1)]),
    "FEDTRAIN_RESYNC_SECONDS": ("resync", Seconds),
    "FEDTRAIN_POD_CHECK_SECONDS": ("pod_check", Seconds),
    "FEDTRAIN_HEARTBEAT_SECONDS": ("heartbeat", Seconds),
    "FEDTRAIN_HEALTH_PORT": ("health_port", Port),
    "FEDTRAIN_METRICS_PORT": ("metrics_port", Port),
    "FEDTRAIN_LOG_LEVEL": ("log_level", LogLevel),
    "FEDTRAIN_HUB_PODS": ("hub_pods", Pods),
    "FEDTRAIN_ROLE_PREFIX": ("role_prefix", ObjectName),
}


HUB_VARIABLES: dict[str, tuple[str, Any]] = {
    "FEDTRAIN_HUB_SERVER": ("server", Annotated[str, Field(pattern="^https?://[^/?#@]+/?$")]),
    "FEDTRAIN_HUB_NAMESPACE": ("namespace", DnsLabel),
    "FEDTRAIN_HUB_PARTICIPANT": ("participant", Name),
    "FEDTRAIN_HUB_CREDENTIALS": ("credentials", str),
    "FEDTRAIN_HUB_SERVICE_ACCOUNT": ("service_account", ObjectName),
    "FEDTRAIN_HUB_TOKEN_SECRET": ("token_secret", ObjectName),
    "FEDTRAIN_HUB_PROXY": ("proxy", Annotated[str, Field(pattern="^https?://[^/?#]+/?$")]),
}
_OPTIONAL = ("FEDTRAIN_HUB_SERVICE_ACCOUNT", "FEDTRAIN_HUB_TOKEN_SECRET", "FEDTRAIN_HUB_PROXY")


def _hub(environment: Mapping[str, str]) -> Hub | None:
    given = {name: text for name in HUB_VARIABLES if (text := environment.get(name, "").strip())}
    if not given:
        return None
    for name in HUB_VARIABLES:
        if name not in given and name not in _OPTIONAL:
            raise SettingsWrong(f"{name} is not set, but {next(iter(given))} is. Set all of them; the chart does.")
    return Hub(**{HUB_VARIABLES[name][0]: _value(name, text) for name, text in given.items()})


def _value(name: str, text: str) -> Any:
    """Lists are separated by commas; blocks are JSON."""
    kind = (VARIABLES | HUB_VARIABLES)[name][1]
    reader: TypeAdapter[Any] = TypeAdapter(kind)
    try:
        if kind is Pods:
            return _checked(name, reader.validate_json(text))
        listed = name in ("FEDTRAIN_NAMESPACES", "FEDTRAIN_CONTROLLERS")
        return reader.validate_python([part.strip() for part in text.split(",") if part.strip()] if listed else text)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(map(str, problem["loc"]))
        raise SettingsWrong(
            f"{name}: {f'{where}: ' if where else ''}{problem['msg']}. Correct the chart's values."
        ) from error


def _checked(name: str, pods: Pods) -> Pods:
    """Raises SettingsWrong for what the API server refuses in a policy's `pods`."""
    for problem in pods_problems(pods):
        where = show(problem.place.path)
        raise SettingsWrong(f"{name}: {f'{where}: ' if where else ''}{problem.message} {problem.fix}")
    return pods
