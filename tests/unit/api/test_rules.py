"""Every rule has a file that breaks it and the same file mended (rule_cases.yaml)."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from federation_files import write
from ruamel.yaml import YAML

from fedtrain.api import rules
from fedtrain.api.reading import Invalid, read_file

CASES: list[dict[str, Any]] = YAML(typ="safe").load(Path(__file__).with_name("rule_cases.yaml"))
TABLES = ("BLOCK_RULES", "TRAINING_RULES", "PARTICIPANT_RULES", "METRIC_RULES", "POLICY_RULES", "RECORD_RULES")


def built(case: dict[str, Any], version: str, folder: Path) -> Path:
    return write(folder, **case.get("given", {}), **{case["section"]: case[version].rstrip("\n")})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_broken_file_gets_one_error_that_names_the_place_the_value_and_the_fix(
    case: dict[str, Any], tmp_path: Path
):
    file = built(case, "bad", tmp_path)
    with pytest.raises(Invalid) as caught:
        read_file(file)
    assert [str(error) for error in caught.value.errors] == [
        f"{file}:{case['says'].replace('{folder}', str(tmp_path))}"
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_mended_file_is_valid(case: dict[str, Any], tmp_path: Path):
    assert read_file(built(case, "good", tmp_path)).training.spec.participants


def test_every_rule_is_broken_by_a_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    broken: set[str] = set()

    def recording(rule: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        def recorded(*judged: Any) -> Iterator[Any]:
            for problem in rule(*judged):
                broken.add(rule.__name__)
                yield problem

        return recorded

    listed = {rule.__name__ for table in TABLES for rule in getattr(rules, table)}
    for table in TABLES:
        monkeypatch.setattr(rules, table, tuple(recording(rule) for rule in getattr(rules, table)))
    for case in CASES:
        with pytest.raises(Invalid):
            read_file(built(case, "bad", tmp_path))
    assert broken == listed


def test_names_of_cases_are_unique():
    assert len({case["name"] for case in CASES}) == len(CASES) >= 45
