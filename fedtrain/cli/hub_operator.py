"""The option `--operator` of invitations: the ServiceAccount of the hub's operator."""

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from fedtrain.manifests.invitation import HubOperator


class HubOperatorType(click.ParamType["HubOperator"]):
    """A namespace and a ServiceAccount in it."""

    name = "namespace/serviceaccount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> "HubOperator":
        from fedtrain.manifests.invitation import HubOperator

        namespace, _, account = value.partition("/")
        if not namespace or not account or "/" in account:
            self.fail(f"{value!r} is not NAMESPACE/SERVICEACCOUNT. Example: `--operator fedtrain/fedtrain`.")
        return HubOperator.of_account(namespace, account)
