"""`allow.stores`: servers and buckets that pods may send updates to."""

from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.rules.policy.patterns import matches
from fedtrain.api.rules.policy.rule import Request, refuses


@refuses("allow.stores")
def store_is_allowed(request: Request, policy: ParticipantPolicySpec) -> str | None:
    s3 = request.storage.s3
    if not policy.allow.stores or s3 is None:
        return None
    if any(_same(one.endpoint, s3.endpoint) and matches(one.bucket, s3.bucket, "[^/]") for one in policy.allow.stores):
        return None
    return f"the ledger is in bucket {s3.bucket} of {s3.endpoint or 'AWS'}, which is not allowed"


def _same(allowed: str | None, asked: str | None) -> bool:
    """Whether two endpoints are equal; None is AWS."""
    return _plain(allowed) == _plain(asked)


def _plain(endpoint: str | None) -> str | None:
    return None if endpoint is None else endpoint.rstrip("/").lower()
