"""The view of a run for the output: a terminal, plain lines, or JSON lines."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fedtrain.runner.progress.as_json import JsonProgress
    from fedtrain.runner.progress.live import LiveProgress
    from fedtrain.runner.progress.plain import PlainProgress


def is_terminal(plain: bool) -> bool:
    """Whether the output is a terminal that can be redrawn, and the user does not want plain lines."""
    return not plain and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


@contextmanager
def shown_on_terminal(text: str, plain: bool) -> Generator[None]:
    """Show a line that is erased at the end, for work before `progress_view`: on a busy machine, the imports alone take
    seconds."""
    if not is_terminal(plain):
        yield
        return
    print(text, end="", flush=True)
    try:
        yield
    finally:
        print("\r\x1b[K", end="", flush=True)


def progress_view(as_json: bool, plain: bool) -> "JsonProgress | LiveProgress | PlainProgress":
    if as_json:
        from fedtrain.runner.progress.as_json import JsonProgress

        return JsonProgress()
    if not is_terminal(plain):
        from fedtrain.runner.progress.plain import PlainProgress

        return PlainProgress()
    from fedtrain.runner.progress.live import LiveProgress

    return LiveProgress()
