"""`allow.stores`: servers and buckets that pods may send updates to, and servers that a training may name."""

from fedtrain.api.participant_policy import ParticipantPolicySpec, Store
from fedtrain.api.rules.policy.patterns import matches
from fedtrain.api.rules.policy.rule import Request, refuses
from fedtrain.api.storage import Storage


@refuses(
    "allow.stores", asks="spec.storage.s3", change="Use an allowed bucket in {asks}", owner="add the bucket to {field}"
)
def store_is_allowed(request: Request, policy: ParticipantPolicySpec) -> str | None:
    s3 = request.storage.s3
    if not policy.allow.stores or s3 is None or _store(request.storage, policy) is not None:
        return None
    return f"the ledger is in bucket {s3.bucket} of {s3.endpoint or 'AWS'}, which is not allowed"


@refuses(
    "allow.stores", asks="spec.model.s3", change="Use an allowed server in {asks}", owner="add the server to {field}"
)
def server_of_the_base_model_is_allowed(request: Request, policy: ParticipantPolicySpec) -> str | None:
    """The policy's `baseModel` replaces the training's server. Without it, a training could let pods connect to any
    port of the owner's network."""
    asked = request.base_endpoint
    if not policy.allow.stores or policy.base_model is not None or asked is None:
        return None
    if any(_same(one.endpoint, asked) for one in policy.allow.stores):
        return None
    return f"the base model is read from {asked}, which is not allowed"


def ca_file_of(storage: Storage, policy: ParticipantPolicySpec) -> str | None:
    """Return the owner's certificates for the server of the ledger, else the training's."""
    store = _store(storage, policy)
    own = store.ca_file if store else None
    return own or (storage.s3.ca_file if storage.s3 else None)


def _store(storage: Storage, policy: ParticipantPolicySpec) -> Store | None:
    """The first entry that allows the bucket."""
    s3 = storage.s3
    return next(
        (
            one
            for one in policy.allow.stores
            if s3 is not None and _same(one.endpoint, s3.endpoint) and matches(one.bucket, s3.bucket, "[^/]")
        ),
        None,
    )


def _same(allowed: str | None, asked: str | None) -> bool:
    """Whether two endpoints are equal; None is AWS."""
    return _plain(allowed) == _plain(asked)


def _plain(endpoint: str | None) -> str | None:
    return None if endpoint is None else endpoint.rstrip("/").lower()
