"""Commands of `fedtrain` in README.md, docs/ and the examples' pages exist, with the options and arguments shown."""

import re
import shlex
from pathlib import Path

import click
import pytest

from fedtrain.cli.main import main

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md"] + [
    page for place in ("docs/*.md", "examples/*/README.md", "helm/*/README.md") for page in sorted(ROOT.glob(place))
]
BLOCK = re.compile(r"^```(.*)\n([\s\S]*?)^```|(?:^    .*\n)+", re.MULTILINE)
INLINE = re.compile(r"`(fedtrain (?!needs)[^`]+)`")


def commands(page: Path) -> list[str]:
    """Return the command lines of the page: in blocks of code, and in text between backticks."""
    text = page.read_text(encoding="utf-8")
    blocks = "\n".join(match.group(0) for match in BLOCK.finditer(text)).replace("\\\n", " ")
    lines = [line.strip().removeprefix("$ ") for line in blocks.splitlines()]
    return [line for line in lines if line.startswith("fedtrain ")] + INLINE.findall(BLOCK.sub("", text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_parse(page: Path) -> None:
    assert [fault for line in commands(page) if (fault := fault_of(line))] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_block_writes_the_same_folder_twice(page: Path) -> None:
    """Such a block fails when it is pasted: `init` and `split` refuse a folder that exists."""
    for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
        text = block.group(0).replace("\\\n", " ")
        folders = re.findall(r"fedtrain (?:init|split .*--out) +(\w\S*)", text)
        assert len(folders) == len(set(folders))


def test_commands_of_pages_are_found() -> None:
    assert sum(len(commands(page)) for page in PAGES) > 80


def fault_of(line: str) -> str | None:
    """Return why `fedtrain` refuses the words of the line; None if it accepts them. `...` and words
    in capitals stand for any value."""
    words = [word for word in shlex.split(line, comments=True)[1:] if word not in ("...", "--debug")]
    command: click.Command = main
    context = click.Context(command, info_name="fedtrain")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0)
        found = command.get_command(context, name)
        if found is None:
            return f"{line}: {name} is not a command"
        command, context = found, click.Context(found, info_name=name, parent=context)
    try:
        values, left, _ = command.make_parser(context).parse_args(words)
        for parameter in command.params:
            value = values.get(parameter.name or "")
            if isinstance(parameter.type, click.Choice) and isinstance(value, str) and not value.isupper():
                parameter.type.convert(value, parameter, context)
    except click.UsageError as error:
        return f"{line}: {error.format_message()}"
    return f"{line}: too many arguments: {' '.join(left)}" if left else None
