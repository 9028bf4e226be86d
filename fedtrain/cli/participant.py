"""`fedtrain participant`: invite participants with clusters of their own; approve trainings at one."""

import base64
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from fedtrain.cli.hub_operator import HubOperatorType
from fedtrain.cli.participant_access import access
from fedtrain.cli.participant_approve import approve
from fedtrain.cli.participant_audit import command as audit
from fedtrain.cli.participant_privacy import privacy
from fedtrain.cli.subcommands import Subcommands
from fedtrain.cli.wrapping import aside

_OFFLINE_DAYS = 7
"""Days for which a participant may be offline unless `invite` says otherwise."""
_LONGEST_NAMESPACE = 63
_Command = TypeVar("_Command", bound=Callable[..., Any])


ANY = "*"
"""Every namespace, for `--allow`."""


class _Namespace(click.ParamType[str]):
    """A namespace. `also`: another text that is allowed."""

    name = "namespace"

    def __init__(self, also: str | None = None) -> None:
        self._also = also

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from fedtrain.api.base import DNS_LABEL_PATTERN, as_label

        if value == self._also or (re.fullmatch(DNS_LABEL_PATTERN, value) and len(value) <= _LONGEST_NAMESPACE):
            return value
        option = param.opts[0] if param is not None else ""
        if "," in value and param is not None and param.multiple:
            repeated = " ".join(f"{option} {one.strip()}" for one in value.split(","))
            self.fail(f"{value!r} is a list. Repeat the option: `{repeated}`.")
        near = as_label(value.partition("/")[0]) or "federations"
        self.fail(f"{value!r} is not a namespace. Use `{option} {near}`.")


def _invitation(command: _Command) -> _Command:
    """Options of an invitation."""
    for option in (
        click.option("-o", "--out", type=click.Path(path_type=Path), help="File to write. [default: NAME.yaml]"),
        click.option("--server", help="URL of the hub's API server, as the participant reaches it."),
        click.option(
            "--operator",
            type=HubOperatorType(),
            help="ServiceAccount of the hub's operator, and the prefix of its roles if that is not the "
            "ServiceAccount's name. [default: as invited before, else fedtrain/fedtrain]",
        ),
        click.option(
            "--allow",
            multiple=True,
            type=_Namespace(ANY),
            help="Namespace whose trainings may use it, or * for all. Repeat for more.",
        ),
        click.option(
            "-n", "--namespace", type=_Namespace(), help="Namespace of the participant at the hub. [default: NAME]"
        ),
    ):
        command = option(command)
    return access(command)


class _Name(click.ParamType[str]):
    """The name of a participant."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from fedtrain.api.base import DNS_LABEL_PATTERN, LONGEST_NAME, as_label

        if len(value) > LONGEST_NAME:
            self.fail(f"{value!r} has {len(value)} characters. Use at most {LONGEST_NAME}.")
        if not re.fullmatch(DNS_LABEL_PATTERN, value):
            near = as_label(value) or "bank-a"
            self.fail(f"{value!r} is not a valid name of a participant. Use `{near}` (a-z, 0-9 and -).")
        return value


@click.group(cls=Subcommands)
def command() -> None:
    """Manage participants that have clusters of their own.

    The hub's administrator runs invite, list, reinvite and revoke against the hub's cluster. The participant's owner
    runs approve, audit and privacy against the participant's cluster. All use kubectl and its selected context.
    """


command.add_command(approve)
command.add_command(audit, "audit")
command.add_command(privacy)


@command.command()
@click.argument("name", type=_Name())
@_invitation
def invite(name: str, **options: Any) -> None:
    """Create the namespace, the rights and a token of participant NAME, and write the values of its chart.

    The file contains a secret: the token. Send it to the participant's owner over a confidential channel.
    """
    from fedtrain.cli.errors import UserError
    from fedtrain.cli.kubectl import Kubectl

    if not options["allow"]:
        fix = "Add `--allow NAMESPACE`, the namespace of the FederatedTrainings that may use it."
        raise UserError(f"--allow is missing: it says which namespaces may use {name}", fix)
    kubectl = Kubectl(options["context"], options["kubeconfig"])
    if kubectl.get("participant.fedtrain.dev", name) is not None:
        raise UserError(f"Participant {name!r} exists", f"Run `fedtrain participant reinvite {name}` for a new token.")
    _write_invitation(kubectl, name, options, before=None)


@command.command()
@click.argument("name", type=_Name())
@_invitation
def reinvite(name: str, **options: Any) -> None:
    """Revoke all tokens of participant NAME and write a new invitation."""
    from fedtrain.cli.errors import UserError
    from fedtrain.cli.kubectl import Kubectl

    kubectl = Kubectl(options["context"], options["kubeconfig"])
    record = kubectl.get("participant.fedtrain.dev", name)
    if record is None:
        raise UserError(f"there is no Participant {name!r}", f"Run `fedtrain participant invite {name}`.")
    before = record["spec"]["namespace"]
    options["namespace"] = options["namespace"] or before
    options["allow"] = options["allow"] or tuple(record["spec"]["allowedNamespaces"])
    _write_invitation(kubectl, name, options, before)


@command.command()
@click.argument("name", type=_Name())
@access
def revoke(name: str, context: str | None, kubeconfig: str | None) -> None:
    """Revoke the tokens and the rights of participant NAME, and delete its Participant.

    The hub refuses its tokens within seconds. Its namespace and tasks stay.
    """
    from fedtrain.cli.errors import UserError
    from fedtrain.cli.kubectl import Kubectl
    from fedtrain.manifests.invitation import Invitation

    kubectl = Kubectl(context, kubeconfig)
    record = kubectl.get("participant.fedtrain.dev", name)
    if record is None:
        raise UserError(f"there is no Participant {name!r}", "`fedtrain participant list` shows all.")
    namespace = record["spec"]["namespace"]
    _delete(kubectl, namespace, Invitation(name, namespace, ()).revoked())
    click.echo(f"revoked {name}. Its namespace {namespace} stays: `kubectl delete namespace {namespace}` deletes it")


@command.command("list")
@access
def list_(context: str | None, kubeconfig: str | None) -> None:
    """Show all participants of the hub: whether they are connected, their data sets and what they run."""
    from fedtrain.cli.kubectl import Kubectl

    click.echo(Kubectl(context, kubeconfig).run("get", "participants.fedtrain.dev"), nl=False)


def _write_invitation(kubectl: Any, name: str, options: dict[str, Any], before: str | None) -> None:
    """Create the objects and the token, and write the file, which only its user can read. `before`: the namespace to
    which the participant was invited before; all its tokens are revoked."""
    from fedtrain.cli.errors import UserError
    from fedtrain.cli.manifests import as_yaml
    from fedtrain.cli.secret_file import secret_file
    from fedtrain.manifests.invitation import (
        ACCOUNT,
        DEFAULT_OPERATOR,
        OPERATOR_BINDING,
        TOKEN_HOURS,
        HubOperator,
        Invitation,
    )
    from fedtrain.manifests.labels import PARTICIPANT

    namespace = options["namespace"] or name
    existing = kubectl.get("namespace", namespace)
    if existing is not None and existing["metadata"].get("labels", {}).get(PARTICIPANT) != name:
        raise UserError(
            f"namespace {namespace!r} exists, and a participant could read the tasks of others there",
            "Name a new one with --namespace.",
        )
    cluster = kubectl.cluster()
    server = options["server"] or cluster["server"]
    authority = cluster.get("certificate-authority-data")
    bound = HubOperator.of_binding(kubectl.get("rolebinding", OPERATOR_BINDING, "-n", namespace))
    known = bound
    if known is None and before not in (None, namespace):
        known = HubOperator.of_binding(kubectl.get("rolebinding", OPERATOR_BINDING, "-n", before))
    operator: HubOperator = options["operator"] or known or DEFAULT_OPERATOR
    invitation = Invitation(name, namespace, options["allow"], operator)
    file = options["out"] or Path(f"{name}.yaml")
    with secret_file(file) as out:  # before any change: a file that cannot be written must not cost the old tokens
        if bound is not None and bound.role != operator.role:  # the role of a RoleBinding cannot change
            kubectl.run("delete", "rolebinding", OPERATOR_BINDING, "-n", namespace, "--ignore-not-found")
        kubectl.run("apply", "-f", "-", content=invitation.objects())
        if before is not None:  # once all else was accepted: an error must not leave the participant without a token
            kubectl.run("delete", "serviceaccount", ACCOUNT, "-n", namespace, "--ignore-not-found")
            kubectl.run("apply", "-f", "-", content=[invitation.account()])
            for other in sorted({before, *_namespaces_of(kubectl, name)} - {namespace}):
                _delete(kubectl, other, invitation.in_namespace())
        token = kubectl.run("create", "token", ACCOUNT, "-n", namespace, f"--duration={TOKEN_HOURS}h").strip()
        values = invitation.values(server, base64.b64decode(authority).decode() if authority else None, token)
        out.write(as_yaml([values]))
    _say_what_follows(name, file, token, again=before is not None)
    if before not in (None, namespace):
        click.echo(f"The namespace {before} stays: `kubectl delete namespace {before}` deletes it")
    if kubectl.get("clusterrole", operator.role) is None:
        click.echo(
            f"note: the hub has no ClusterRole {operator.role}, so its operator cannot create tasks in "
            f"{namespace}. Use --operator if the release of the chart fedtrain is not called fedtrain, with the prefix "
            f"of its roles if its ServiceAccount has another name; with its mode Namespaces, add {namespace} to "
            "namespaces.",
            err=True,
        )
    if "127.0.0.1" in server or "localhost" in server:
        aside(f"note: {server} is this machine. Use --server with an address that {name} reaches.")
        sys.stderr.flush()


def _namespaces_of(kubectl: Any, name: str) -> list[str]:
    """Return the namespaces of a participant: more than one after a `reinvite` that was interrupted."""
    from fedtrain.manifests.labels import PARTICIPANT

    found: dict[str, Any] = kubectl.get("namespaces", "-l", f"{PARTICIPANT}={name}") or {"items": []}
    return [one["metadata"]["name"] for one in found["items"]]


def _say_what_follows(name: str, file: Path, token: str, again: bool) -> None:
    """`again`: the participant was invited before."""
    from fedtrain.manifests.timestamps import instant
    from fedtrain.manifests.token_claims import expires_at, offline_seconds

    until = f", valid until {instant(expires_at(token))}" if expires_at(token) else ""
    click.echo(
        f"wrote {file}, which contains a token{until}: send it to the owner of {name} over a confidential channel"
    )
    helm, flag = ("upgrade", "--reset-then-reuse-values") if again else ("install", "--create-namespace")
    click.echo(
        f"The owner runs: helm {helm} fedtrain-participant helm/fedtrain-participant --namespace training "
        f"{flag} --values {file.name}"
    )
    if 0 < (offline := offline_seconds(token)) < _OFFLINE_DAYS * 24 * 3600:
        click.echo(
            f"note: the hub's API server limits tokens, so that {name} may be offline for {offline / 3600:.1f} hours; "
            "after that it needs a new invitation. --service-account-max-token-expiration is the limit.",
            err=True,
        )


def _delete(kubectl: Any, namespace: str, objects: list[tuple[str, str]]) -> None:
    """`objects`: kinds and names."""
    for kind, deleted in objects:
        kubectl.run("delete", kind, deleted, "-n", namespace, "--ignore-not-found")
