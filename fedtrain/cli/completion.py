"""`fedtrain completion SHELL`: the script for tab completion."""

import click
from click.shell_completion import get_completion_class

_HINT = {
    "bash": 'eval "$(fedtrain completion bash)"   # in ~/.bashrc',
    "zsh": 'eval "$(fedtrain completion zsh)"   # in ~/.zshrc',
    "fish": "fedtrain completion fish > ~/.config/fish/completions/fedtrain.fish",
}
_EXAMPLES = "\n\n".join(_HINT.values())


@click.command(help=f"Print the script that completes commands and options with the tab key.\n\n\b\n{_EXAMPLES}")
@click.argument("shell", type=click.Choice(list(_HINT)))
def command(shell: str) -> None:
    from fedtrain.cli.main import main

    kind = get_completion_class(shell)
    assert kind is not None
    completion = kind(main, {}, "fedtrain", "_FEDTRAIN_COMPLETE")
    click.echo(completion.source_template % completion.source_vars())
