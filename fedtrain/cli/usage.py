"""Wrong usage of a command: what exists instead of what was written."""

from collections.abc import Iterable

import click

_RUN = "runs/default/quickstart"
EXAMPLES = {
    # command: a complete one, for a missing argument
    "split": "fedtrain split rows.csv --participants 3 --out federation",
    "convert": "fedtrain convert rows.csv -o rows.jsonl",
    "validate": "fedtrain validate federation.yaml",
    "plan": "fedtrain plan federation.yaml",
    "render": "fedtrain render federation.yaml",
    "run": "fedtrain run federation.yaml",
    "baseline": "fedtrain baseline federation.yaml",
    "status": f"fedtrain status {_RUN}",
    "compare": f"fedtrain compare {_RUN} runs/default/second",
    "logs": f"fedtrain logs {_RUN}",
    "export": f"fedtrain export {_RUN}",
    "try": f'fedtrain try {_RUN} "How are you?"',
    "report": f"fedtrain report {_RUN}",
    "track": f"fedtrain track {_RUN} --to tensorboard",
    "completion": "fedtrain completion bash",
    "delete": f"fedtrain delete {_RUN}",
    "ledger verify": f"fedtrain ledger verify {_RUN}",
    "ledger exclude": f'fedtrain ledger exclude {_RUN} bank-a --round 4 --reason "wrong rows"',
    "participant invite": "fedtrain participant invite bank-a --allow federations",
    "participant reinvite": "fedtrain participant reinvite bank-a",
    "participant revoke": "fedtrain participant revoke bank-a",
    "participant approve": "fedtrain participant approve federations/tickets",
}

_PDF = "The report is an HTML file; to get a PDF, open it in a browser and print it to a file"
_INSTEAD = {
    # command, option of another tool: what to do; "" is any command
    ("report", "--format"): _PDF,
    ("report", "--pdf"): _PDF,
    ("export", "--format"): "An export has PEFT's format, and with --merged that of transformers; docs/serving.md "
    "describes other formats",
    ("logs", "--participant"): "Write the name after the run: fedtrain logs RUN NAME",
    ("", "--json"): "Use -o json",
}


def explained(error: click.UsageError) -> click.UsageError:
    """Return the error with what to write in its message."""
    context = error.ctx
    if context is None:
        return error
    path = " ".join(context.command_path.split()[1:])
    if isinstance(error, click.NoSuchOption):
        message = f"{error.option_name} is not an option of {path or 'fedtrain'}. {_option(path, error, context)}"
        return click.UsageError(message, context)
    if isinstance(error, click.exceptions.NoSuchCommand):
        commands = context.command.list_commands(context) if isinstance(context.command, click.Group) else []
        use = f"Did you mean {error.possibilities[0]!r}?" if error.possibilities else f"Use {_one_of(commands)}."
        return click.UsageError(f"{error.command_name!r} is not a command of {path}. {use}", context)
    if isinstance(error, click.MissingParameter) and path in EXAMPLES:
        missing = error.format_message().splitlines()[0].rstrip(".")
        return click.UsageError(f"{missing}. Example: {EXAMPLES[path]}", context)
    return error


def _option(path: str, error: click.NoSuchOption, context: click.Context) -> str:
    known = sorted(
        name
        for parameter in context.command.get_params(context)
        if isinstance(parameter, click.Option)
        for name in parameter.opts[-1:]
        if name.startswith("--")
    )
    instead = _INSTEAD.get((path, error.option_name)) or _INSTEAD.get(("", error.option_name))
    if instead and (instead != "Use -o json" or "--output" in known):
        return f"{instead}."
    if error.possibilities:
        return f"Did you mean {_one_of(sorted(error.possibilities))}?"
    return f"Use {_one_of(known)}."


def _one_of(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
