"""Wrong usage of a command: the message says what to write."""

import shlex
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from fedtrain.cli.main import main
from fedtrain.cli.usage import EXAMPLES


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("ledger verfy RUN", "'verfy' is not a command of ledger. Did you mean `verify`?"),
        ("ledger fix RUN", "'fix' is not a command of ledger. Use `exclude` or `verify`."),
        (
            "participant delete x",
            "'delete' is not a command of participant. Use `approve`, `audit`, `invite`, `list`, `privacy`, ",
        ),
        (
            "report RUN --format pdf",
            "--format is not an option of report. The report is an HTML file; to get a PDF, open",
        ),
        ("status RUN --json", "--json is not an option of status. Use `-o json`."),
        ("status RUN --outputs json", "--outputs is not an option of status. Did you mean `--output`?"),
        (
            "validate --fix f.yaml",
            "--fix is not an option of validate. Use `--cluster`, `--help`, `--output` or `--rows`.",
        ),
        ("convert", "Missing argument 'DATA...'. Example: `fedtrain convert rows.csv -o rows.jsonl`"),
        ("ledger exclude RUN bank-a --round 4", "Missing option '--reason'. Example: `fedtrain ledger exclude "),
        ("participant invite Bank_A", "'Bank_A' is not a valid name of a participant. Use `bank-a` (a-z, 0-9 and -)."),
        (f"participant invite bank-{'a' * 36}", "has 41 characters. Use at most 40."),
        ("export RUN --round last", "'last' is not `best` or the number of a round. Omit --round for the newest one."),
    ],
)
def test_wrong_usage_is_answered_with_what_to_write(arguments: str, says: str) -> None:
    result = CliRunner().invoke(main, arguments.split())
    assert result.exit_code == 2
    assert says in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            "report RUN --out .",
            "error: --out needs a file, and . is a folder\nhint: Name a file in it: `--out report.html`.\n",
        ),
        (
            "report RUN --out a/x.pdf",
            "hint: Use `--out a/x.html`; to get a PDF, open it in a browser and print it to a",
        ),
        ("report RUN --csv --out x.html", "error: --out x.html does not end in .csv\nhint: Use `--out x.csv`.\n"),
        (
            "report RUN --out no/x.html",
            "error: the folder no does not exist\nhint: Correct --out, or make it: `mkdir",
        ),
        ("compare RUN RUN --out x.png", "error: --out x.png does not end in .html\nhint: Use `--out x.html`.\n"),
        ("list s3://", "error: s3:// names no bucket. Use `s3://bucket/prefix`."),
        ("init a.yaml --participant Bank_A", "hint: Use `bank-a` (a-z, 0-9 and -, at most 40).\n"),
    ],
)
def test_values_that_cannot_work_are_refused_before_anything_is_read(arguments: str, says: str) -> None:
    result = CliRunner().invoke(main, arguments.split())
    assert result.exit_code == 1
    assert says in result.stderr


def with_arguments(command: click.Command, path: str, context: click.Context) -> Iterator[str]:
    """The commands that need an argument or an option."""
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from with_arguments(inner, f"{path} {name}".strip(), context)
    elif any(parameter.required for parameter in command.params):
        yield path


def test_every_command_that_needs_arguments_has_an_example_that_parses() -> None:
    context = click.Context(main)
    needing = set(with_arguments(main, "", context))
    assert needing - set(EXAMPLES) <= {"participant audit", "participant privacy"}
    for path, example in EXAMPLES.items():
        program, *arguments = shlex.split(example)
        assert (program, " ".join(arguments).startswith(path)) == ("fedtrain", True)
        command: click.Command = main
        for name in path.split():
            assert isinstance(command, click.Group)
            command = command.get_command(context, name) or pytest.fail(name)
        command.make_context(path, arguments[len(path.split()) :])


@pytest.mark.parametrize("words", [(), ("ledger",), ("participant",)])
def test_help_cuts_no_sentence_about_a_command(words: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(main, [*words, "--help"], env={"COLUMNS": "60"}).output
    assert "Commands:" in shown
    assert "..." not in shown.partition("Commands:")[2]
