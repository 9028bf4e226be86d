"""`fedtrain participant approve`: approve a training that waits for the owner."""

import json
from typing import Any

import click

from fedtrain.cli.participant_access import access

_ATTEMPTS = 10
"""Attempts to change a policy that others change at the same time."""


@click.command()
@click.argument("training", metavar="NAMESPACE/NAME")
@click.option("-n", "--namespace", help="Namespace of the policy. [default: that of the context]")
@click.option("--policy", help="Name of the policy, if the namespace has several.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@access
def approve(
    training: str, namespace: str | None, policy: str | None, yes: bool, context: str | None, kubeconfig: str | None
) -> None:
    """Approve a training that waits for the owner of this participant (approval: Manual)."""
    from fedtrain.cli.errors import UserError
    from fedtrain.cli.kubectl import Kubectl

    kubectl = Kubectl(context, kubeconfig)
    where = ["-n", namespace] if namespace else []
    policies = (kubectl.get("participantpolicies.fedtrain.dev", *where) or {}).get("items", [])
    waiting = [
        (body["metadata"], one)
        for body in policies
        if policy in (None, body["metadata"]["name"])
        for one in body.get("status", {}).get("pendingApprovals", ())
        if one["digest"] not in _approved(body)
    ]
    found = [(metadata, one) for metadata, one in waiting if f"{one['namespace']}/{one['name']}" == training]
    if not found:
        others = ", ".join(sorted({f"{one['namespace']}/{one['name']}" for _, one in waiting})) or "none"
        raise UserError(f"no training {training} waits for approval", f"Waiting trainings: {others}.")
    for metadata, one in found:
        click.echo(
            f"{metadata['name']}: {training}, base model {one['base']}, data set {one['dataset']}, "
            f"LoRA rank {one['adapterRank']}\n  {one['digest']}"
        )
        if not yes:
            click.confirm("Approve?", abort=True)
        _approve(kubectl, metadata["namespace"], metadata["name"], one["digest"])
        click.echo("approved")


def _approve(kubectl: Any, namespace: str, name: str, digest: str) -> None:
    """Add the digest to the policy as it is now: others may have approved or withdrawn meanwhile. Raises UserError."""
    from fedtrain.cli.errors import UserError
    from fedtrain.cli.kubectl import Conflict

    for _ in range(_ATTEMPTS):
        body = kubectl.get("participantpolicy.fedtrain.dev", name, "-n", namespace)
        if body is None:
            raise UserError(f"ParticipantPolicy {name!r} in namespace {namespace!r} was deleted", "Apply it again.")
        if digest in (approved := _approved(body)):
            return
        change = {
            "metadata": {"resourceVersion": body["metadata"]["resourceVersion"]},
            "spec": {"approvedTrainings": [*approved, digest]},
        }
        at = ["participantpolicy.fedtrain.dev", name, "-n", namespace]
        try:
            kubectl.run("patch", *at, "--type=merge", f"--patch={json.dumps(change)}")
        except Conflict:
            continue
        return
    raise UserError(f"ParticipantPolicy {name!r} keeps changing", "Run the same command again.")


def _approved(body: dict[str, Any]) -> list[str]:
    return body["spec"].get("approvedTrainings") or []
