"""Every example is a valid file."""

from pathlib import Path

import pytest

from fedtrain.api.reading import read_file

EXAMPLES = sorted(Path(__file__).parents[3].glob("examples/*/federation.yaml"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.parent.name)
def test_an_example_is_valid(file: Path) -> None:
    federation = read_file(file)
    assert set(federation.policies) == {participant.name for participant in federation.training.spec.participants}


def test_there_are_examples() -> None:
    assert {file.parent.name for file in EXAMPLES} >= {"quickstart", "smollm2"}
