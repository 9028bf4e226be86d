"""Options that choose the cluster of a command."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])


def access(command: _Command) -> _Command:
    """Add --kubeconfig and --context."""
    command = click.option("--kubeconfig", help="Path of the kubeconfig.")(command)
    return click.option("--context", help="Context of the kubeconfig.")(command)
