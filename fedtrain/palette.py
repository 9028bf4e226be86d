"""The colours of the terminal, the report and its charts. A role has one meaning everywhere."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["good", "warn", "bad", "active", "muted"]


@dataclass(frozen=True)
class Tone:
    """`light`, `dark`: in the report's two looks; charts are drawn with the light one. `terminal`: name of a colour of
    the terminal's own theme, so that it is legible on any background."""

    light: str
    dark: str
    terminal: str


TONES: dict[Role, Tone] = {
    "good": Tone("#0f8a6d", "#3fc79f", "green"),
    "warn": Tone("#a86a00", "#e0a04a", "yellow"),
    "bad": Tone("#c2294d", "#ff7d97", "red"),
    "active": Tone("#2f5bea", "#7f9dff", "cyan"),
    "muted": Tone("#667085", "#9aa3b5", "dim"),
}

_ROLES: dict[str, Role] = {
    "Committed": "good",
    "Aggregated": "good",
    "Succeeded": "good",
    "Halted": "warn",
    "Skipped": "warn",
    "RolledBack": "warn",
    "Absent": "warn",
    "Quarantined": "bad",
    "Failed": "bad",
}
"""By phase of a run, outcome of a round and state of a participant."""


def role_of(cell: str) -> Role | None:
    """Return the role of a table's cell such as `Committed` or `Quarantined: why`; None for other cells."""
    return _ROLES.get(cell.partition(":")[0].partition(" ")[0])


def css_variables(look: Literal["light", "dark"]) -> str:
    """Return the CSS declarations of all roles."""
    return " ".join(f"--{role}: {tone.light if look == 'light' else tone.dark};" for role, tone in TONES.items())
