"""Each rule has a case that breaks it and a corrected twin (rule_cases.yaml)."""

import re
from pathlib import Path
from typing import Any

import pytest
from broken_rules import kind, recording
from federation_files import FOR_CLUSTERS, write
from pydantic import TypeAdapter
from ruamel.yaml import YAML

from fedtrain.api.crd.validation import message_expression, validation
from fedtrain.api.federated_training import FederatedTraining
from fedtrain.api.participant_policy import ParticipantPolicy
from fedtrain.api.reading import Federation, Invalid, read_file
from fedtrain.api.reading.documents import Documents
from fedtrain.api.reading.other_names import MEANINGS
from fedtrain.api.reading.paths_of_fields import places
from fedtrain.api.rules import RULES
from fedtrain.api.rules.rule import Rule
from fedtrain.api.shapes import fields_of

CASES: list[dict[str, Any]] = YAML(typ="safe").load(Path(__file__).with_name("rule_cases.yaml"))


def read(case: dict[str, Any], version: str, folder: Path) -> Federation:
    """Read a version of a case: `good` or `bad`; with `cluster`, as `fedtrain validate --cluster` does."""
    cluster = case.get("cluster", False)
    sections = (FOR_CLUSTERS if cluster else {}) | case.get("given", {})
    sections[case["section"]] = case[version].rstrip("\n")
    return read_file(write(folder, **sections), elsewhere=cluster)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_bad_version_has_one_error_with_place_value_and_fix(case: dict[str, Any], tmp_path: Path):
    with pytest.raises(Invalid) as caught:
        read(case, "bad", tmp_path)
    assert [str(error) for error in caught.value.errors] == [
        f"{tmp_path / 'federation.yaml'}:{case['says'].replace('{folder}', str(tmp_path))}"
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_good_version_is_valid(case: dict[str, Any], tmp_path: Path):
    assert read(case, "good", tmp_path).training.spec.participants


def test_every_rule_has_a_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    broken = recording(monkeypatch)
    for case in CASES:
        with pytest.raises(Invalid):
            read(case, "bad", tmp_path)
    assert {kind(rule) for rule in RULES} == {kind(rule) for rule in broken}


def test_a_rule_is_listed_once():
    assert len({(rule.block, rule.field, rule.message, rule.scope) for rule in RULES}) == len(RULES)
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_cel_gives_the_values_of_the_message(rule: Any):
    assert rule.summary.endswith(".")
    if rule.cel is not None:
        made = validation(rule, rule.cel)
        assert message_expression(made.message, made.values)
        assert made.message.endswith(f"{rule.message} {rule.fix}")


def test_files_of_one_machine_may_use_folders_and_relative_paths(tmp_path: Path):
    file = write(tmp_path)
    assert read_file(file).training.spec.storage.type == "File"
    with pytest.raises(Invalid) as caught:
        read_file(file, elsewhere=True)
    text = str(caught.value)
    assert (
        "`type` is File, but on a cluster the ledger must be in a bucket. Set `storage.type: S3` and "
        "`storage.s3.bucket`." in text
    )
    assert "spec.model.base: ./base is a relative path, which pods cannot resolve." in text
    assert "(dataset tickets, policy bank-a): a.jsonl is a relative path, which pods cannot resolve." in text


def test_names_of_cases_are_unique():
    assert len({case["name"] for case in CASES}) == len(CASES) >= 45


EXAMPLES = [rule for rule in RULES if rule.fix.startswith("Add it, for example")]


@pytest.mark.parametrize("rule", EXAMPLES, ids=lambda rule: rule.name)
def test_an_example_in_a_fix_is_valid(rule: Rule):
    text = re.fullmatch(r"Add it, for example `(.+)`\.", rule.fix.format())
    assert text is not None
    ((name, value),) = Documents(text[1]).found[0].value.items()
    annotation: Any = fields_of(rule.block)[name].info.annotation
    TypeAdapter(annotation).validate_python(value)


def test_other_names_lead_to_fields_that_exist():
    kinds = (FederatedTraining, ParticipantPolicy)
    assert {end for ends in MEANINGS.values() for end in ends if not any(places(kind, end) for kind in kinds)} == set()
