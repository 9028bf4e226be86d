"""docs/operator.md lists the operator's metrics, settings and conditions, docs/rounds.md the reasons of failed runs."""

import re
from pathlib import Path

from fedtrain.manifests.settings import HUB_VARIABLES, VARIABLES

ROOT = Path(__file__).parents[3]
OPERATOR = (ROOT / "docs" / "operator.md").read_text(encoding="utf-8")
ROUNDS = (ROOT / "docs" / "rounds.md").read_text(encoding="utf-8")


def test_all_metrics_are_listed() -> None:
    """`fedtrain_reconciles_total`, `..._failures_total` is short for two metrics."""
    found = set(re.findall(r'"(fedtrain_[a-z_]+)"', source("operator")))
    assert "fedtrain_rounds" in found
    shown = OPERATOR.replace("`...", "`fedtrain_reconcile")
    assert {name for name in found if f"`{name}" not in shown} == set()


def test_all_settings_are_listed() -> None:
    assert {name for name in VARIABLES | HUB_VARIABLES if f"`{name}`" not in OPERATOR} == set()


def test_all_conditions_are_listed() -> None:
    text = source("operator")
    found = set(re.findall(r'Condition\(\s*"(\w+)"', text)) | set(re.findall(r'^NAME = "(\w+)"', text, re.MULTILINE))
    assert {"Accepted", "Progressing"} <= found
    assert {name for name in found if f"`{name}`" not in OPERATOR} == set()


def test_all_reasons_of_failed_runs_are_listed() -> None:
    text = source("fedtrain/rounds")
    constants = dict(re.findall(r'^([A-Z_]+) = "(\w+)"', text, re.MULTILINE))
    given = re.findall(r'\bfail\(\s*(?:work\.)?snapshot,\s*"?(\w+)', text)
    reasons = {constants.get(one, one) for one in given} - {"early"} | {constants["REGRESSED"]}
    assert {"BelowMinimum", "PlanInvalid"} <= reasons
    assert {reason for reason in reasons if f"`{reason}`" not in ROUNDS} == set()


def source(folder: str) -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / folder).rglob("*.py")))
