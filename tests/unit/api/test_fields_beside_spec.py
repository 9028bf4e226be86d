"""Fields of `spec` outside it are one mistake, and the fix makes the file valid when followed to the letter."""

import re
from pathlib import Path

import pytest
from federation_files import SECTIONS, write

from fedtrain.api.reading import Invalid, read_file

FIELDS = list(SECTIONS)[4:13]


def text(tmp_path: Path, **sections: str) -> str:
    return write(tmp_path, **sections).read_text()


def errors(tmp_path: Path, content: str) -> list[str]:
    (tmp_path / "federation.yaml").write_text(content)
    with pytest.raises(Invalid) as caught:
        read_file(tmp_path / "federation.yaml")
    return [str(error).removeprefix(f"{tmp_path / 'federation.yaml'}:") for error in caught.value.errors]


def test_all_fields_without_a_spec_are_one_mistake(tmp_path: Path):
    content = text(tmp_path, **{name: SECTIONS[name].strip() for name in FIELDS}).replace("spec:\n", "", 1)
    (error,) = errors(tmp_path, content)
    assert error == (
        "4:1: spec: model, data, participants, rounds, training, partitioning, aggregation, evaluation and storage are "
        "fields of `spec`, which is missing. Write `spec:` above line 4, and indent lines 4 to 12 by 2 more spaces."
    )
    assert valid(tmp_path, followed(content, error))


def test_a_missing_line_puts_all_fields_below_metadata(tmp_path: Path):
    content = text(tmp_path, metadata="metadata:\n  name: answers").replace("spec:\n", "", 1)
    (error,) = errors(tmp_path, content)
    assert error.startswith("5:3: spec: model, data, participants,")
    assert error.endswith("but below `metadata`. Write `spec:` above line 5, without spaces before it.")
    assert valid(tmp_path, followed(content, error))


def test_the_last_fields_beside_a_spec_are_one_mistake(tmp_path: Path):
    content = text(tmp_path, **{name: SECTIONS[name].strip() for name in FIELDS[3:]})
    (error,) = errors(tmp_path, content)
    assert error.startswith("8:1: spec.rounds: rounds, training, partitioning,")
    assert error.endswith("but beside it. Indent lines 8 to 13 by 2 more spaces.")
    assert valid(tmp_path, followed(content, error))


def test_a_policy_without_a_spec(tmp_path: Path):
    policy = (
        "---\napiVersion: fedtrain.dev/v1alpha1\nkind: ParticipantPolicy\nmetadata: {name: bank-b}\n"
        "datasets:\n  - {name: tickets, uri: b.jsonl}\nlimits:\n  nodes: 1"
    )
    content = text(tmp_path, **{"bank-b": policy})
    (error,) = errors(tmp_path, content)
    assert "datasets and limits are fields of `spec`, which is missing." in error
    assert valid(tmp_path, followed(content, error))


def test_fields_above_and_below_other_fields_are_moved(tmp_path: Path):
    sections = dict.fromkeys(("spec", "model", "data"), "") | {name: SECTIONS[name].strip() for name in FIELDS[2:]}
    content = text(tmp_path, apiVersion=f"{SECTIONS['model'].strip()}\n{SECTIONS['apiVersion']}", **sections)
    first, *_ = errors(tmp_path, content)
    assert first.endswith("which is missing. Add `spec`, and move them into it.")


def followed(content: str, error: str) -> str:
    """The file after the fix."""
    lines = content.splitlines()
    if indent := re.search(r"ndent lines (\d+) to (\d+) by (\d+) more spaces", error):
        first, last, spaces = map(int, indent.groups())
        lines[first - 1 : last] = [" " * spaces + line for line in lines[first - 1 : last]]
    if above := re.search(r"Write `spec:` above line (\d+)", error):
        lines.insert(int(above[1]) - 1, "spec:")
    return "\n".join(lines) + "\n"


def valid(tmp_path: Path, content: str) -> bool:
    (tmp_path / "federation.yaml").write_text(content)
    return bool(read_file(tmp_path / "federation.yaml").training.spec.participants)
