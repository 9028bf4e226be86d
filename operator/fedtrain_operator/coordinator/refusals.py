"""Participants whose objects the API server does not take: why, and when the next try is due.

An error of a request for one participant (its namespace, task, credentials or record) is that participant's alone: it
is tried again after a growing pause, and the round's deadline decides. Where no task can be created until somebody
changes the namespace, rounds do not wait: the tries are without effect, and the participant returns after the first one
that succeeds. A refusal at the hub blocks the training.
"""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass

from fedtrain.manifests.conditions import Condition, shortened
from fedtrain.manifests.namespace_role import DEFAULT_PREFIX, namespace_role
from fedtrain.rounds.decision import Start
from fedtrain.rounds.snapshot import Execution, TaskKey
from fedtrain_operator.kube.api_error import ApiError
from fedtrain_operator.kube.pod_fixes import HUB

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
_REPORTED_AFTER = 3
"""Tries until an error that may pass by itself is reported."""
_NO_RIGHT_AFTER = 3
"""Tries until a missing right counts as lasting: a role binding may be on its way, or be replaced at this moment."""
_LONGEST_MESSAGE = 400
_NAMESPACE = re.compile(r'in the namespace "([^"]+)"')
_ACCOUNT = re.compile(r'User "system:serviceaccount:([^":]+):([^":]+)"')
CREATE_TASK = "create its task"
LIST_TASKS = "list its tasks"
_NEEDED = (CREATE_TASK, LIST_TASKS)
"""Requests without which a participant gets no task."""


@dataclass(frozen=True)
class Lasting:
    """A request without which a participant gets no task, refused until somebody changes the namespace. `words`: the
    API server's."""

    request: str
    words: str


@dataclass(frozen=True)
class Refused:
    """The newest error of one request. `fix`: who corrects it, and when the request is repeated. `due`: when to try
    again, on the coordinator's steady clock."""

    message: str
    fix: str
    due: float


@dataclass(frozen=True)
class Refusal:
    """The errors of a participant. `requests`: those that are refused now, the longest refused one first. `lasting`:
    stays if other requests are refused as well."""

    requests: Mapping[str, Refused]
    lasting: Lasting | None
    tries: int
    reported: bool

    @property
    def due(self) -> float:
        """When to try again: as the newest refusal says, because pauses grow."""
        return max(one.due for one in self.requests.values())

    @property
    def shown(self) -> Refused:
        """The one for the status, which does not change with each refusal of another request: the one that keeps the
        participant out, otherwise the longest refused one."""
        longest = next(iter(self.requests.values()))
        return longest if self.lasting is None else self.requests.get(self.lasting.request, longest)


@dataclass(frozen=True)
class _Held:
    start: Start
    why: str


class Refusals:
    """The refusals of one training, by participant, and the starts that wait for the next try. `role_prefix`: of the
    roles that grant the operator its rights in a namespace."""

    def __init__(self, role_prefix: str = DEFAULT_PREFIX) -> None:
        self._role_prefix = role_prefix
        self._refusals: dict[str, Refusal] = {}
        self._held: dict[TaskKey, _Held] = {}
        self._given_up: dict[TaskKey, str] = {}

    def waits(self, who: str, now: float) -> bool:
        """Whether the next try for `who` is not due yet."""
        return who in self._refusals and now < self._refusals[who].due

    def note(self, who: str, request: str, error: ApiError, now: float) -> None:
        """`request`: what the API server was asked to do, such as `create its task`."""
        known = self._refusals.get(who)
        tries = known.tries + 1 if known is not None else 1
        pause = min(FIRST_PAUSE_SECONDS * 2 ** (tries - 1), LONGEST_PAUSE_SECONDS)
        reported = who == HUB or not error.may_pass or tries >= _REPORTED_AFTER
        message, words = (
            shortened(text, _LONGEST_MESSAGE) for text in (_words(who, request, error), str(error).rstrip("."))
        )
        lasting = known.lasting if known is not None else None
        if request in _NEEDED:
            lasts = error.no_namespace or (error.no_right and tries >= _NO_RIGHT_AFTER)
            lasting = Lasting(request, words) if lasts else None
        unawaited = lasting is not None and lasting.request == request == CREATE_TASK
        fix = _fix(who, error, unawaited, self._role_prefix)
        earlier = known.requests if known is not None else {}
        still = {one: it for one, it in earlier.items() if one == request or now <= it.due + LONGEST_PAUSE_SECONDS}
        requests = {**still, request: Refused(message, fix, now + pause)}
        self._refusals[who] = Refusal(requests, lasting, tries, reported)

    def succeeded(self, who: str, request: str) -> None:
        """Notes that the API server has done it: a participant that was `refusing` it takes part again."""
        known = self._refusals.get(who)
        if known is not None and known.lasting is not None and known.lasting.request == request:
            self.clear(who)

    def clear(self, who: str) -> None:
        self._refusals.pop(who, None)

    def expire(self, now: float) -> None:
        """Drops the refusals that were due at `now` and that no request has renewed: none is needed any more."""
        self._refusals = {who: one for who, one in self._refusals.items() if one.due > now}

    def hold(self, start: Start, why: str = "") -> None:
        """Keeps a start until the next try. `why`: the reason where no request was refused."""
        self._held[start.key] = _Held(start, why)

    def release(self, key: TaskKey) -> None:
        """The task was created."""
        self._held.pop(key, None)

    def give_up(self, key: TaskKey) -> None:
        """The task is no longer wanted. The reason stays for the next round's plan."""
        if key in self._held:
            self._given_up[key] = self._why(key)
            del self._held[key]

    def stop(self) -> None:
        """No task is wanted."""
        self._held.clear()
        self._given_up.clear()

    def executions(self, round: int) -> Mapping[TaskKey, Execution]:
        """The starts that wait, each as running, with the reason why it does not; and those that earlier rounds have
        given up, as failed. Those of `refusing` participants do not wait, except where a task may run that cannot be
        listed."""
        self._given_up = {key: why for key, why in self._given_up.items() if key.round >= round - 1}
        given_up = {
            key: Execution("Failed", reason=why) for key, why in self._given_up.items() if why and key.round < round
        }
        without_task = self.refusing().keys() - self.unlisted()
        waiting = {key for key in self._held if key.who not in without_task}
        return given_up | {key: Execution("Running", reason=self._why(key)) for key in waiting}

    def refusing(self) -> Mapping[str, str]:
        """The participants in whose namespace no task can be created until somebody changes it, and the API server's
        words."""
        return {who: one.words for who, one in self._lasting().items()}

    def unlisted(self) -> frozenset[str]:
        """Those of `refusing` whose tasks cannot be listed: one may run there."""
        return frozenset(who for who, one in self._lasting().items() if one.request == LIST_TASKS)

    def _lasting(self) -> Mapping[str, Lasting]:
        return {who: one.lasting for who, one in self._refusals.items() if one.lasting is not None}

    def to_probe(self, askable: Container[str], now: float) -> tuple[Start, ...]:
        """A start of each `refusing` participant whose next try is due."""
        newest = {key.who: held.start for key, held in sorted(self._held.items(), key=lambda item: item[0])}
        return tuple(
            newest[who] for who in self.refusing() if who in newest and who in askable and not self.waits(who, now)
        )

    def due(self, keep: Container[TaskKey], askable: Container[str], now: float) -> tuple[Start, ...]:
        """The wanted starts, those in `keep`, to try again now."""
        return tuple(
            held.start
            for key, held in sorted(self._held.items(), key=lambda item: item[0])
            if key in keep and key.who in askable and not self.waits(key.who, now)
        )

    def wake_after(self, now: float) -> float | None:
        """Seconds until the next try; None if none waits."""
        return min((max(one.due - now, 0.0) for one in self._refusals.values()), default=None)

    def count(self) -> int:
        """Participants whose refusals are reported. Safe in a thread."""
        return sum(one.reported for who, one in self._refusals.copy().items() if who != HUB)

    def messages(self) -> str:
        return "; ".join(one.shown.message for _, one in sorted(self._refusals.items()))

    def condition(self) -> Condition:
        """The condition `TasksAccepted`."""
        shown = [one.shown for _, one in sorted(self._refusals.items()) if one.reported]
        reported = [f"{one.message}. {one.fix}" for one in shown]
        if reported:
            reason = "HubRefused" if HUB in self._refusals else "TaskRefused"
            return Condition("TasksAccepted", "False", reason, "; ".join(reported))
        return Condition("TasksAccepted", "True", "Accepted")

    def _why(self, key: TaskKey) -> str:
        return self._refusals[key.who].shown.message if key.who in self._refusals else self._held[key].why


def _words(who: str, request: str, error: ApiError) -> str:
    if error.code == 0:
        return f"{who}: the API server did not answer a request to {request}: {error}".rstrip(".")
    if (namespace := _namespace_without_rights(error)) is not None:
        return f"{who}: the hub's operator has no right to {request} in namespace {namespace}"
    return f"{who}: the API server {'failed' if error.may_pass else 'refused'} to {request}: {error}".rstrip(".")


def _fix(who: str, error: ApiError, unawaited: bool, role_prefix: str) -> str:
    """Who corrects what, and when the request is repeated."""
    again = f"It is tried again by itself, at least every {LONGEST_PAUSE_SECONDS:.0f} s"
    if unawaited:
        again = f"A round with enough other participants does not wait for {who}. {again}"
    if (namespace := _namespace_without_rights(error)) is not None:
        bind = _binding(who, namespace, error, role_prefix)
        return f"Ask the hub's administrator to run {bind}. {again}. The API server's answer: {error}".rstrip(".")
    return again if error.may_pass else f"Ask the hub's administrator to correct this. {again}"


def _namespace_without_rights(error: ApiError) -> str | None:
    """Return the namespace in which the operator has no right, by the API server's words."""
    found = _NAMESPACE.search(str(error)) if error.no_right else None
    return found and found.group(1)


def _binding(who: str, namespace: str, error: ApiError, role_prefix: str) -> str:
    """Return the command that binds the role of the chart."""
    found = _ACCOUNT.search(str(error))
    place, account = found.groups() if found else ("fedtrain", "fedtrain")
    role = namespace_role(role_prefix, "training" if who == HUB else "participant")
    return (
        f"`kubectl create rolebinding {account} --namespace {namespace} --clusterrole={role} "
        f"--serviceaccount={place}:{account}`"
    )
