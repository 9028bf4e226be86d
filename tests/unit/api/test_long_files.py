"""A list that is too long is refused as soon as the parser reaches its limit."""

from pathlib import Path

import pytest
from federation_files import write

from fedtrain.api.reading import Invalid, read_file
from fedtrain.api.reading.composer import BoundedComposer


def read_counting(file: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], int]:
    """The errors of a file, and how many YAML nodes were read for them."""
    nodes = 0
    compose_node = BoundedComposer.compose_node

    def counting(self: BoundedComposer, parent: object, index: object) -> object:
        nonlocal nodes
        nodes += 1
        return compose_node(self, parent, index)

    monkeypatch.setattr(BoundedComposer, "compose_node", counting)
    with pytest.raises(Invalid) as caught:
        read_file(file)
    return [str(error) for error in caught.value.errors], nodes


@pytest.mark.parametrize("count", [1001, 100_000])
def test_too_many_participants_are_refused_at_the_first_one_that_is_too_many(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    participants = "\n".join(f"    - {{name: p{number}}}" for number in range(count))
    errors, nodes = read_counting(write(tmp_path, participants=f"  participants:\n{participants}"), monkeypatch)
    assert len(errors) == 1
    assert ":1008:7: spec.participants: The list has more than 1000 items. Remove items" in errors[0]
    assert nodes < 5_000


def test_a_map_with_too_many_fields_is_refused_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fields = ", ".join(f"field{number}: 1" for number in range(20_000))
    errors, nodes = read_counting(write(tmp_path, rounds=f"  rounds: {{{fields}}}"), monkeypatch)
    assert len(errors) == 1
    assert "spec.rounds: The map has more than 1000 fields. Remove fields" in errors[0]
    assert nodes < 5_000


def test_too_many_documents_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    documents = "\n".join("---\n{kind: ParticipantPolicy}" for _ in range(20_000))
    errors, nodes = read_counting(write(tmp_path, **{"bank-b": documents}), monkeypatch)
    assert len(errors) == 1
    assert "The file has more than 2001 documents. Remove documents" in errors[0]
    assert nodes < 10_000


def test_a_thousand_participants_are_allowed(tmp_path: Path):
    participants = ", ".join(f"{{name: p{number}}}" for number in range(1000))
    federation = read_file(
        write(tmp_path, participants=f"  participants: [{participants}]", **{"bank-a": "", "bank-b": ""}),
        policies_elsewhere=True,
    )
    assert len(federation.training.spec.participants) == 1000
