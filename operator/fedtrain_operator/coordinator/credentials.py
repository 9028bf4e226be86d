"""The Secret with the credentials of a training's ledger, in the training's namespace."""

from fedtrain.manifests.kinds import SECRET, Json, Ref
from fedtrain_operator.coordinator.stores import NoCredentials
from fedtrain_operator.kube.api_error import ApiError
from fedtrain_operator.kube.client import Cluster


async def store_secret(cluster: Cluster, name: Ref) -> Json:
    """Read the Secret that a training names. Raises NoCredentials if it is missing or the operator may not read it."""
    what = f"Secret {name.name!r} in namespace {name.namespace!r}"
    try:
        secret = await cluster.get(SECRET, name)
    except ApiError as error:
        if error.code != 403:
            raise
        fix = (
            "Ask the hub's administrator to bind the role of training namespaces there, and to list the name in "
            "`rbac.credentialsSecretNames` of the hub's chart"
        )
        raise NoCredentials(f"the operator is not allowed to read the {what}. {fix}") from error
    if secret is None:
        raise NoCredentials(f"{what} does not exist. Create it, or correct `storage.s3.credentialsSecretRef`")
    return secret
