"""Runs kubectl with the user's access to a cluster."""

import json
import re
import subprocess
from collections.abc import Sequence
from typing import Any

from fedtrain.cli.errors import UserError

Json = dict[str, Any]

_LOG_LINE = re.compile(r"[EWI][0-9]{4} ")
_NO_CLUSTER = ("was refused", "Unable to connect", "no configuration has been provided", "context was not found")


class Kubectl:
    """`options`: such as `--context`, for every command."""

    def __init__(self, context: str | None, kubeconfig: str | None) -> None:
        given = {"--context": context, "--kubeconfig": kubeconfig}
        self._options = [f"{name}={value}" for name, value in given.items() if value]

    def run(self, *arguments: str, content: Sequence[Json] = ()) -> str:
        """Run a command and return its output. `content`: objects for its standard input. Raises UserError."""
        items = {"apiVersion": "v1", "kind": "List", "items": list(content)}
        try:
            done = subprocess.run(
                ["kubectl", *self._options, *arguments],
                input=json.dumps(items) if content else "",
                capture_output=True,
                text=True,
                check=False,
            )
        except FileNotFoundError as error:
            raise UserError("kubectl is not installed", "Install it, and select the hub's cluster.") from error
        if done.returncode:
            raise _failure(arguments[0], done.stderr)
        return done.stdout

    def get(self, *arguments: str) -> Json | None:
        """Return the object or list; None if it does not exist."""
        found = self.run("get", *arguments, "--ignore-not-found", "-o", "json")
        return json.loads(found) if found.strip() else None

    def cluster(self) -> Json:
        """Return server and certificate authority of the selected cluster, as in a kubeconfig."""
        view = json.loads(self.run("config", "view", "--minify", "--flatten", "--raw", "-o", "json"))
        return view["clusters"][0]["cluster"]


class NoCluster(UserError):
    """kubectl reaches no cluster. A command that also serves runs on this machine adds how."""


class Conflict(UserError):
    """The object has changed since it was read."""


def _failure(command: str, output: str) -> UserError:
    """Return the error of a kubectl command without the log lines of its client library."""
    lines = [line for line in output.strip().splitlines() if not _LOG_LINE.match(line)]
    said = " ".join(lines) or "no reason given"
    if any(words in said for words in _NO_CLUSTER):
        reason = said.partition(" - ")[0].removeprefix("error: ").rstrip(".")
        return NoCluster(
            f"kubectl reaches no cluster: {reason}",
            "This command is for trainings on a cluster. Set KUBECONFIG "
            "or --kubeconfig to a kubeconfig file, and select a context with --context.",
        )
    kind = Conflict if "(Conflict)" in said else UserError
    return kind(f"kubectl {command} failed: {said.removeprefix('error: ')}")
