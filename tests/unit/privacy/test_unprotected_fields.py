"""docs/privacy.md lists every field that leaves a participant without noise."""

import re
from pathlib import Path

from pydantic.alias_generators import to_camel

from fedtrain.api.status_fields import TrainingTaskStatus
from fedtrain.contracts.noise_records import NoiseDraw
from fedtrain.contracts.untrusted_records import Measurement, Preflight, Update

ROOT = Path(__file__).parents[3]
PAGE, RUN = ROOT / "docs/privacy.md", ROOT / "trainer_image/fedtrain_trainer/run.py"
OMITTED = "omittedMetrics"
"""The key of `fedtrain_trainer.measuring`, whose module imports torch."""


NOTES = re.compile(r"context\.notes(?:\.update\((.*?)\)|\[(.*?)\]|\.setdefault\((\w+))")


def listed(begin: str, end: str) -> set[str]:
    """The fields in the first column of the tables between two texts of the page."""
    table = PAGE.read_text().split(begin)[1].split(end)[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_every_field_of_a_participants_record_is_in_the_table() -> None:
    sent = {to_camel(name) for kind in (Update, Preflight, Measurement, NoiseDraw) for name in kind.model_fields}
    assert listed("## What is not protected", "**Telemetry**") == sent


def test_every_field_of_a_tasks_status_is_in_the_table() -> None:
    sent = {to_camel(name) for name in TrainingTaskStatus.model_fields}
    assert listed("**Task status**", "**Budgets are per run.**") == sent


def test_every_field_of_the_telemetry_is_in_the_table() -> None:
    """The keys of the report that a trainer writes, and what its parts note."""
    report = RUN.read_text().split("def _telemetry(")[1]
    sent = set(re.findall(r'[ {]"(\w+)":', report))
    noted: set[str] = set()
    for file in RUN.parent.rglob("*.py"):
        for named, key, constant in NOTES.findall(file.read_text()):
            noted |= set(re.findall(r"(\w+)=", named))
            noted |= set(re.findall(r'"(\w+)"', key)) | ({OMITTED} if constant else set())
            if key.startswith("f"):  # the counts of rows, by name and split
                noted |= set(re.findall(r'^        "(rows\w+)":', file.read_text(), re.MULTILINE))
    assert {"curve", "skippedSteps", "rowsWithoutAnswer", OMITTED} <= noted
    assert listed("**Telemetry**", "**Task status**") == sent | noted
