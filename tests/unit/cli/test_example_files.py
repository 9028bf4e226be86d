"""Every example is a valid file."""

from pathlib import Path

import pytest

from fedtrain.api.reading import read_file

EXAMPLES = sorted(Path(__file__).parents[3].glob("examples/*/federation.yaml"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.parent.name)
def test_an_example_is_valid(file: Path) -> None:
    federation = read_file(file)
    assert set(federation.policies) == {participant.name for participant in federation.training.spec.participants}


def test_the_files_of_the_three_clusters_are_valid_together() -> None:
    folder = next(file.parent for file in EXAMPLES if file.parent.name == "quickstart") / "clusters"
    federation = read_file(*sorted(folder.glob("*.yaml")), elsewhere=True)
    assert set(federation.policies) == {participant.name for participant in federation.training.spec.participants}
    assert {f"{name}.yaml" for name in federation.policies} == {file.name for file in folder.glob("[!f]*.yaml")}


def test_there_are_examples() -> None:
    assert {file.parent.name for file in EXAMPLES} >= {"quickstart", "smollm2"}
