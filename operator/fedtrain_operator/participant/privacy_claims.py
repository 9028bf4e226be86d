"""The participant's ledger of privacy, in a ConfigMap of its namespace: a round is entered before its task starts."""

import secrets
from dataclasses import dataclass, field

from fedtrain.contracts.tasks import Task
from fedtrain.manifests import labels, privacy_ledger
from fedtrain.manifests.kinds import CONFIG_MAP, Json, Ref
from fedtrain.manifests.privacy_ledger import Entry, entered, entries_of
from fedtrain_operator.kube.api_error import AlreadyExists
from fedtrain_operator.kube.client import Cluster


@dataclass(frozen=True)
class PrivacyLedger:
    """What was read: the ConfigMap, None if it does not exist, and the participant's entries by key."""

    body: Json | None
    entries: dict[str, Entry]


@dataclass
class Starts:
    """Ids of the starts whose job does not exist yet, by task. Kept in memory only: after a restart of the operator, a
    start that was entered and has no job counts again, because its job may have run."""

    _ids: dict[Ref, str] = field(default_factory=dict[Ref, str])

    def of(self, task: Ref) -> str:
        """Return the id of the start, the same until its job exists."""
        return self._ids.setdefault(task, secrets.token_hex(8))

    def done(self, task: Ref) -> None:
        """The job of the task exists, or the task is gone: another job is another start."""
        self._ids.pop(task, None)


async def read_ledger(cluster: Cluster, namespace: str, participant: str) -> PrivacyLedger:
    """Raises ApiError, LedgerUnreadable."""
    body = await cluster.get(CONFIG_MAP, Ref(namespace, privacy_ledger.CONFIG_MAP))
    return PrivacyLedger(body, entries_of((body or {}).get("data") or {}, participant))


async def enter(cluster: Cluster, ledger: PrivacyLedger, namespace: str, task: Task, start: str) -> bool:
    """Enter the round of a task. `start`: see `entered`. Returns False if the ledger has changed since it was read:
    nothing may start then. Raises ApiError."""
    now = entered(ledger.entries, task, start)
    changed = {key: entry for key, entry in now.items() if entry != ledger.entries.get(key)}
    if not changed:
        return True
    data: Json = {
        **((ledger.body or {}).get("data") or {}),
        **{key: entry.model_dump_json(by_alias=True, exclude_none=True) for key, entry in changed.items()},
    }
    if ledger.body is not None:
        return await cluster.write_data(CONFIG_MAP, ledger.body, data) is not None
    metadata = {"name": privacy_ledger.CONFIG_MAP, "namespace": namespace, "labels": labels.OURS}
    made = {"apiVersion": CONFIG_MAP.api_version, "kind": CONFIG_MAP.name, "metadata": metadata, "data": data}
    try:
        await cluster.create(CONFIG_MAP, made)
    except AlreadyExists:
        return False
    return True
