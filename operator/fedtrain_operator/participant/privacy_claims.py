"""The participant's ledger of privacy, in a ConfigMap of its namespace: a round is entered before its task starts."""

from dataclasses import dataclass

from fedtrain.contracts.tasks import Task
from fedtrain.manifests import labels, privacy_ledger
from fedtrain.manifests.kinds import CONFIG_MAP, Json, Ref
from fedtrain.manifests.privacy_ledger import Entry, entered, entries_of
from fedtrain_operator.kube.client import AlreadyExists, Cluster


@dataclass(frozen=True)
class PrivacyLedger:
    """What was read: the ConfigMap, None if it does not exist, and the participant's entries by key."""

    body: Json | None
    entries: dict[str, Entry]


async def read_ledger(cluster: Cluster, namespace: str, participant: str) -> PrivacyLedger:
    """Raises ApiError, LedgerUnreadable."""
    body = await cluster.get(CONFIG_MAP, Ref(namespace, privacy_ledger.CONFIG_MAP))
    return PrivacyLedger(body, entries_of((body or {}).get("data") or {}, participant))


async def enter(cluster: Cluster, ledger: PrivacyLedger, namespace: str, task: Task) -> bool:
    """Enter the round of a task. Returns False if the ledger has changed since it was read: nothing may start then.
    Raises ApiError."""
    changed = {key: entry for key, entry in entered(ledger.entries, task).items() if entry != ledger.entries.get(key)}
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
