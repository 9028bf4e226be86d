"""`fedtrain participant audit`: what ran at a participant, for whom, and what left."""

import re
import time

import click


@click.command()
@click.option("-n", "--namespace", help="Namespace of the participant. [default: that of the context]")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--since", default="", help="Show lines from this time on: 7d, 12h or 2026-01-31T08:00:00Z.")
@click.option("--context", help="Context of the kubeconfig.")
@click.option("--kubeconfig", help="Path of the kubeconfig.")
def command(namespace: str | None, output: str, since: str, context: str | None, kubeconfig: str | None) -> None:
    """Show the audit log of this participant and check its chain: which tasks ran, for whom, on which data set, what
    left, and which rule refused what.

    Run it against the participant's cluster. The exit code is 1 if the chain is broken.
    """
    import json

    from fedtrain.cli.errors import UserError
    from fedtrain.cli.kubectl import Kubectl
    from fedtrain.contracts.as_json import as_json
    from fedtrain.manifests.audit_log import LABEL
    from fedtrain.manifests.audit_report import report, text

    where = ["-n", namespace] if namespace else []
    listed = Kubectl(context, kubeconfig).get("configmaps", "-l", LABEL, *where) or {}
    try:
        found = report(listed.get("items", []), _instant(since))
    except ValueError as error:
        raise UserError(str(error), "Restore it from a backup: the chain cannot be checked without it.") from error
    if output == "json":
        click.echo(json.dumps(as_json(found), indent=1, ensure_ascii=False))
    else:
        for line in found.lines:
            click.echo(text(line))
    if found.faults:
        raise UserError(
            f"the audit log is not complete: {'; '.join(found.faults)}",
            "Somebody has changed or removed lines. Compare with a copy that you kept.",
        )
    if output == "text":
        last = f"the chain is complete; digest of the newest line: {found.last}" if found.last else "the log is empty"
        click.echo(last, err=True)


def _instant(since: str) -> str:
    """Return the time that the option gives, in RFC 3339."""
    from fedtrain.api.base import DURATION_PATTERN, INSTANT_PATTERN, seconds
    from fedtrain.cli.errors import UserError
    from fedtrain.manifests.timestamps import instant

    if not since or re.fullmatch(INSTANT_PATTERN, since):
        return since
    if re.fullmatch(DURATION_PATTERN, since):
        return instant(time.time() - seconds(since))
    raise UserError(
        f"--since {since!r} is not a time", "Write a duration or a time, such as `7d`, `12h` or `2026-01-31T08:00:00Z`."
    )
