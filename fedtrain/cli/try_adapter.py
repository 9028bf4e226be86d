"""`fedtrain try RUN [PROMPT]`: talk to the adapter of a run."""

import contextlib
import importlib
import re
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from fedtrain.cli.errors import UserError
from fedtrain.cli.numbers import Number, WholeNumber
from fedtrain.cli.round_option import round_option
from fedtrain.cli.run_argument import RUN
from fedtrain.cli.wrapping import aside
from fedtrain.quoting import quoted

if TYPE_CHECKING:
    from fedtrain.results.answering import Answerer, Decoding
    from fedtrain.results.prompting import Message

_NEW = "/new"


@click.command(name="try")
@click.argument("run", type=RUN)
@click.argument("prompt", required=False)
@round_option("Use the adapter")
@click.option("--with-base", is_flag=True, help="Show the answer of the base model, too.")
@click.option("--system", help="System message of the conversation.")
@click.option(
    "--chat/--no-chat",
    default=None,
    help="Use the chat template of the base model, or let it continue the prompt's text [default: as in training].",
)
@click.option("--max-tokens", type=WholeNumber(min=1), default=256, show_default=True, help="Length of an answer.")
@click.option(
    "--temperature",
    type=Number(min=0, max=10),
    default=0.0,
    show_default=True,
    help="0: the most likely answer. Higher: more random.",
)
@click.option("--base", help="Folder of the base model [default: from the run].")
def command(
    run: str,
    prompt: str | None,
    number: str | None,
    with_base: bool,
    system: str | None,
    chat: bool | None,
    max_tokens: int,
    temperature: float,
    base: str | None,
) -> None:
    r"""Answer PROMPT with the adapter of RUN, or talk to it until Ctrl-D; or answer each line of a pipe.

    RUN is the folder of a run (runs/default/quickstart), its federation file, or s3://bucket/prefix/namespace/name. The
    base model is loaded from a folder or the Hugging Face cache of this machine; nothing is downloaded.

    Without a chat template, the model continues the text of PROMPT, so end it as the training rows do: \n in it is a
    line break, as in --separator of `fedtrain convert` ("the lift is stuck\nQueue:"), and \\n is a backslash and an n.
    """
    if prompt is not None and not prompt.strip():
        raise click.BadParameter("the prompt is empty. Write a question.", param_hint="PROMPT")
    from fedtrain.data.errors import DataError
    from fedtrain.results.answering import Answerer, Decoding
    from fedtrain.results.base_folder import base_folder, shown_base
    from fedtrain.results.best_round import round_number
    from fedtrain.results.chance import guess_warning
    from fedtrain.results.export import exported_round, write_adapter
    from fedtrain.results.kept_adapter import kept_text
    from fedtrain.results.locate import NoRun, locate
    from fedtrain.results.other_base import why_other_model
    from fedtrain.results.prompt_ending import prompt_ending
    from fedtrain.results.summary import summarise

    try:
        located = locate(run)
    except NoRun as error:
        if prompt is None or not Path(prompt).exists():
            raise
        swapped = f"`fedtrain try {quoted(prompt)} {quoted(run)}`"
        raise UserError(f"{run} is not a run", f"RUN comes first: {swapped}") from error
    summary = summarise(located.ledger)
    wanted = round_number(summary, number)
    chosen = exported_round(summary, wanted)
    folder = base_folder(located, summary.spec.model, base)
    if isinstance(folder, str):
        raise UserError(folder)
    lines = _lines(run) if prompt is None else iter(())
    if kept := kept_text(summary, wanted, chosen):
        aside(f"note: {kept}")
    if why := why_other_model(located.ledger, summary.spec.model, folder, base):
        aside(f"warning: {why} The answers are not those of the run's model.")
    if number is None and (guess := guess_warning(summary)):
        aside(f"warning: {guess}")
    which = f"round {chosen.number}" if chosen.number else "the initial adapter (the base model's answers)"
    click.echo(f"{summary.name}, {which}: loading {shown_base(summary.spec.model.base, folder)}", err=True)
    try:
        with TemporaryDirectory() as adapter:
            write_adapter(located.ledger, summary, chosen, Path(adapter))
            answerer = Answerer(str(folder), summary.spec.model, Path(adapter), summary.spec.data.format, chat)
        if system is not None and not answerer.prompting.is_chat:
            raise _without_template(answerer.prompting.has_template, chat)
        ending = None if answerer.prompting.writes_end else prompt_ending(located)
        talk = _Talk(answerer, Decoding(max_tokens, temperature), system, f"round {chosen.number}", with_base, ending)
        if prompt is not None:
            if talk.lacks_ending(prompt):
                aside(f"note: {talk.advice}")
            talk.say(prompt)
        else:
            _loop(talk, lines)
    except DataError as error:
        raise UserError(error.problem, error.fix) from error


def _without_template(has_template: bool, chat: bool | None) -> UserError:
    """The error of --system with a plain prompt. `has_template`: whether the base model has one to use."""
    if not has_template:
        problem = "--system needs a chat template, but the base model has none"
        return UserError(problem, "Remove --system, and write its text into the prompt.")
    if chat is False:
        return UserError("--system needs a chat template, but --no-chat uses none", "Remove one of the two options.")
    return UserError(
        "--system needs a chat template, but this run was trained on plain prompts, so none is used",
        "Remove --system, and write its text into the prompt; or add --chat to use the base model's template.",
    )


class _Talk:
    """One conversation with the adapter, and one with the base model."""

    def __init__(
        self,
        answerer: "Answerer",
        decoding: "Decoding",
        system: str | None,
        name: str,
        with_base: bool,
        ending: str | None,
    ) -> None:
        """`ending`: of most prompts of the training rows, if it is known."""
        self._answerer, self._decoding, self._ending = answerer, decoding, ending
        self._begin: list[Message] = [{"role": "system", "content": system}] if system is not None else []
        self._speakers = {"base model": False, name: True} if with_base else {name: True}
        self.restart()

    @property
    def has_turns(self) -> bool:
        """Whether earlier questions and answers are part of the prompt."""
        return self._answerer.prompting.is_chat

    @property
    def advice(self) -> str:
        """How a plain prompt must end; empty if fedtrain writes its end."""
        if self._answerer.prompting.writes_end:
            return ""
        if self._ending is not None:
            return f"End each prompt with `{_without_line_breaks(self._ending)}`, as most training rows do."
        return "End each prompt as the training rows do, also with the --separator of `fedtrain convert`."

    def lacks_ending(self, prompt: str) -> bool:
        """Whether it is known that the prompt does not end as training rows do."""
        return self._ending is not None and not _with_line_breaks(prompt).endswith(self._ending)

    def restart(self) -> None:
        self._turns = {speaker: list(self._begin) for speaker in self._speakers}

    def say(self, text: str) -> None:
        """Print the answers to `text`. Raises DataError."""
        text = text if self.has_turns else _with_line_breaks(text)
        for speaker, adapted in self._speakers.items():
            turns = [*self._turns[speaker], {"role": "user", "content": text}]
            if len(self._speakers) > 1:
                click.echo(click.style(f"{speaker}:", bold=True))
            answer = self._answerer.answer(turns, self._decoding, _write, adapted=adapted)
            click.echo()
            if not answer.strip():
                useful = self._ending is None or not text.endswith(self._ending)
                advice = f" {self.advice}" if self.advice and useful else ""
                click.echo(f"(The answer is empty: the model ended it at once.{advice})", err=True)
            if self.has_turns:
                self._turns[speaker] = [*turns, {"role": "assistant", "content": answer}]


def _loop(talk: _Talk, lines: Iterator[str]) -> None:
    from fedtrain.data.errors import DataError

    if _has_terminal():
        about = (
            f"{_NEW} starts another conversation"
            if talk.has_turns
            else r"each line is a prompt of its own, and \n in it is a line break"
        )
        aside(f"Ctrl-D ends, Ctrl-C stops an answer; {about}.")
    if talk.advice:
        aside(talk.advice)
    for line in lines:
        if line.strip() == _NEW:
            talk.restart()
        elif line.strip():
            try:
                talk.say(line)
            except DataError as error:  # this question is too long; the next may not be
                click.echo(f"error: {error}", err=True)


def _with_line_breaks(text: str) -> str:
    r"""Replace `\n` by a line break: a line that is typed or piped can have it in no other way. `\\n` stays `\n`."""
    return re.sub(r"\\(\\n|n)", lambda match: "\n" if match[1] == "n" else match[1], text)


def _without_line_breaks(text: str) -> str:
    r"""Return the text as `_with_line_breaks` reads it."""
    return re.sub(r"\\(?=n)", r"\\\\", text).replace("\n", r"\n")


def _has_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _lines(run: str) -> Iterator[str]:
    """Return the prompts: lines that the user writes, until Ctrl-D, or those of a pipe. Raises UserError, before the
    model is loaded, if there are none."""
    if _has_terminal():
        return _written()
    piped = (line.rstrip("\n") for line in sys.stdin or ())
    first = next((line for line in piped if line.strip()), None)
    if first is None:
        command = f"fedtrain try {quoted(run)} 'PROMPT'"
        raise UserError("there is no prompt, and no terminal to ask for one", f"Give a prompt: `{command}`")
    return chain([first], piped)


def _written() -> Iterator[str]:
    """Yield what the user writes, until Ctrl-D."""
    with contextlib.suppress(ImportError):
        importlib.import_module("readline")  # gives `input` keys and a history
    while True:
        try:
            yield input("> ")
        except (EOFError, KeyboardInterrupt):
            click.echo(err=True)
            return


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
