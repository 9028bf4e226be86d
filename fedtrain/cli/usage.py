"""Wrong usage of a command: what exists instead of what was written."""

from collections.abc import Iterable

import click

from fedtrain.api.similar_words import nearest, similar
from fedtrain.cli.commands import COMMANDS
from fedtrain.quoting import quoted

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
    "personalise": "fedtrain personalise federation.yaml --adapter adapter --steps 100",
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
    ("logs", "--participant"): "Write the name after the run: `fedtrain logs RUN NAME`",
    ("run", "--resume"): "Without it, the command resumes a run that has begun",
    ("run", "--rounds"): "Set `rounds.count` in the file",
    ("run", "--epochs"): "Set `training.length` in the file",
    ("run", "--gpus"): "Set `compute.gpusPerNode` of the participants in the file",
    ("run", "--device"): "Set `compute.gpusPerNode` of the participants in the file; 0 trains on CPU",
    ("run", "--lr"): "Set `training.learningRate` in the file",
    ("run", "--seed"): "Set `training.seed` in the file",
    ("validate", "--strict"): "Errors exit with 1; warnings are on stderr, and in `warnings` of `-o json`",
    ("run", "--model"): "Set `model.base` in the file",
    ("run", "--output"): "Set `storage.file.path` in the file",
    ("", "--json"): "Use `-o json`",
}


_OTHER_COMMANDS = {
    # a command of another tool: what to write
    "train": "run",
    "start": "run",
    "resume": "run",
    "fit": "run",
    "launch": "run",
    "check": "validate",
    "lint": "validate",
    "remove": "delete",
    "rm": "delete",
    "ls": "list",
    "ps": "list",
    "new": "init",
    "create": "init",
    "show": "status",
    "chat": "try",
    "generate": "try",
    "verify": "ledger verify",
    "merge": "export --merged",
    "join": "participant invite",
    "invite": "participant invite",
}


def unknown_command(name: str) -> str:
    """Return the message for a command that does not exist."""
    instead = _OTHER_COMMANDS.get(name.lower()) or nearest(name, COMMANDS)
    use = f"Did you mean `{instead}`?" if instead else "`fedtrain --help` lists the commands."
    return f"{name!r} is not a command. {use}"


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
        use = f"Did you mean `{error.possibilities[0]}`?" if error.possibilities else f"Use {_one_of(commands)}."
        return click.UsageError(f"{error.command_name!r} is not a command of {path}. {use}", context)
    if isinstance(error, click.MissingParameter) and path in EXAMPLES:
        missing = error.format_message().splitlines()[0].partition(". Choose from")[0].rstrip(".")
        return click.UsageError(f"{missing}. Example: `{EXAMPLES[path]}`", context)
    if isinstance(error, click.BadParameter) and error.param is not None and isinstance(error.param.type, click.Choice):
        problem, _, _ = error.message.partition(" is not one of")
        choices = _one_of([str(choice) for choice in error.param.type.choices])
        return click.UsageError(f"{error.param.opts[-1]}: {problem} is not a valid value. Use {choices}.", context)
    if error.message.startswith("Got unexpected extra argument"):
        extra = error.message.partition("(")[2].rstrip(")")
        if several := _several(extra.split(), context):
            return click.UsageError(f"{path} does not take the argument {extra}. {several}", context)
        if instead := _elsewhere(path, extra.split(), context):
            return click.UsageError(instead, context)
        example = f" Example: `{EXAMPLES[path]}`" if path in EXAMPLES else ""
        return click.UsageError(f"{path} does not take the argument {extra}. Remove it.{example}", context)
    return error


def _elsewhere(path: str, extra: list[str], context: click.Context) -> str:
    """Return how to give files or words that a command does not take as arguments."""
    has_file = any("--file" in parameter.opts for parameter in context.command.params)
    if len(extra) == 1 and has_file and extra[0].endswith((".yaml", ".yml")):
        command = f"fedtrain {path} --file {quoted(extra[0])}"
        return f"{path} does not take the argument {extra[0]}. Write `{command}`."
    if path == "try" and (run := context.params.get("run")) and (first := context.params.get("prompt")):
        prompt = " ".join((str(first), *extra))
        return f"The prompt has several words. Write it in quotes: `fedtrain try {quoted(str(run))} {quoted(prompt)}`."
    return ""


def _several(extra: list[str], context: click.Context) -> str:
    """Return how an option takes several values, if the extra arguments are probably further values of one."""
    for parameter in context.command.params:
        values: tuple[str, ...] = context.params.get(parameter.name or "") or ()
        if isinstance(parameter, click.Option) and parameter.multiple and values:
            option = parameter.opts[-1]
            repeated = " ".join(f"{option} {quoted(one)}" for one in (*values, *extra))
            return f"For several values, repeat the option: `{repeated}`."
    return ""


def _option(path: str, error: click.NoSuchOption, context: click.Context) -> str:
    known = sorted(
        name
        for parameter in context.command.get_params(context)
        if isinstance(parameter, click.Option)
        for name in parameter.opts[-1:]
        if name.startswith("--")
    )
    instead = _INSTEAD.get((path, error.option_name)) or _INSTEAD.get(("", error.option_name))
    if instead and (instead != "Use `-o json`" or "--output" in known):
        return f"{instead}."
    if near := similar(error.option_name, known, 2, cutoff=0.7):
        return f"Did you mean {_one_of(sorted(near))}?"
    return f"Use {_one_of(known)}."


def _one_of(names: Iterable[str]) -> str:
    *first, last = (f"`{name}`" for name in names)
    return f"{', '.join(first)} or {last}" if first else last
