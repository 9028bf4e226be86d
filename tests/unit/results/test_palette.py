"""Terminal, report, comparison and charts take their colours from one palette."""

import io
import re
from dataclasses import replace
from typing import get_args

import pytest
from rich.console import Console, RenderableType

from fedtrain.palette import TONES, Role, Tone, css_variables, role_of
from fedtrain.results.charts import style
from fedtrain.results.report import report
from fedtrain.results.run_comparison.page import page
from fedtrain.results.summary import summarise
from fedtrain.results.tables import Table, drawn
from fedtrain.rounds.snapshot import Execution, TaskKey
from fedtrain.runner.events import RunStarted
from fedtrain.runner.progress.live import LiveProgress
from fedtrain.runner.worker_pool import Ended
from tests.support.ledger_by_hand import Hand

BLUE, CYAN, MAGENTA = "\x1b[34m", "\x1b[36m", "\x1b[35m"


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, color_system="standard", width=80, _environ={})


def words(shown: RenderableType) -> set[str]:
    """What a terminal gets, with its control sequences, in words."""
    console = terminal()
    with console.capture() as captured:
        console.print(shown)
    return set(re.split(r"\s+", captured.get().replace("\x1b[0m", " ")))


def test_each_role_has_a_colour_everywhere() -> None:
    assert set(TONES) == set(get_args(Role))
    assert {role_of(cell) for cell in ("Committed", "Halted", "Quarantined: why", "zoo")} == {
        "good",
        "warn",
        "bad",
        None,
    }
    charts = {"active": style.FEDERATED, "good": style.POOLED, "muted": style.MUTED}
    assert charts == {role: TONES[role].light for role in ("active", "good", "muted")}


def test_the_terminal_and_the_pages_follow_the_palette(rolled_back: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it changes: no other module has a colour for a role."""
    monkeypatch.setitem(TONES, "good", Tone("#010203", "#040506", "magenta"))
    monkeypatch.setitem(TONES, "warn", replace(TONES["warn"], terminal="cyan"))
    monkeypatch.setitem(TONES, "bad", replace(TONES["bad"], terminal="blue"))
    table = Table("", ("outcome",), (("Committed",), ("RolledBack",)))
    assert {f"{MAGENTA}Committed", f"{CYAN}RolledBack"} <= words(drawn(table, 80))
    progress = LiveProgress(terminal())
    progress(RunStarted("demo", "r1", "file:///runs/default/demo", ("zoo",), 2, 0))
    progress(Ended(TaskKey(0, "Inspect", "zoo", 1), Execution("Failed", reason="no space"), 0, 1.0, {}))
    assert f"{BLUE}attempt" in words(progress.render())
    progress.close()
    summary = summarise(rolled_back.ledger)
    written = report(summary, None)
    for html in (written, page([summary], {})):
        light, dark = html.split("@media screen and (prefers-color-scheme: dark)")
        assert css_variables("light") in light
        assert css_variables("dark") in dark
    assert "--good: #010203;" in css_variables("light")
    assert re.search('class="state good">Committed<.*class="state warn">RolledBack<', written, re.DOTALL)
