"""The option `--operator` of invitations: the ServiceAccount of the hub's operator, and its roles."""

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from fedtrain.manifests.invitation import HubOperator


class HubOperatorType(click.ParamType["HubOperator"]):
    """A namespace, a ServiceAccount in it and, if it is not the ServiceAccount's name, the prefix of the roles."""

    name = "namespace/serviceaccount[/prefix]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> "HubOperator":
        from fedtrain.manifests.invitation import HubOperator

        parts = value.split("/")
        if len(parts) not in (2, 3) or not all(parts):
            self.fail(
                f"{value!r} is not NAMESPACE/SERVICEACCOUNT or NAMESPACE/SERVICEACCOUNT/PREFIX. Example: "
                "`--operator fedtrain/fedtrain`."
            )
        return HubOperator.of_release(*parts)
