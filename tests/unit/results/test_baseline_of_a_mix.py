"""The comparison of a run that mixes data sets: each arm has the same mix, and the same rows held out of each data
set."""

import json
from pathlib import Path

import pytest

from fedtrain.api.reading import read_file
from fedtrain.api.reading.federation import Federation
from fedtrain.baseline.arms import alone, personalised, pooled
from fedtrain.baseline.pooling import pool_rows
from fedtrain.contracts.digests import digest_bytes
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.partitioning import split_indices, stream_of
from fedtrain.results.pooled_rows import pooled_file
from fedtrain.runner.errors import RunError

SETS = ("notes", "guidelines")
ROWS = {
    ("museum", "notes"): 20,
    ("museum", "guidelines"): 8,
    ("zoo", "notes"): 12,
    ("zoo", "guidelines"): 4,
}
FILE = """
apiVersion: fedtrain.dev/v1alpha1
kind: FederatedTraining
metadata: {name: mixed}
spec:
  model: {base: ./base}
  data:
    datasets: [{name: notes, share: 7}, {name: guidelines, share: 3}]
    format: Text
    validationFraction: 0.25
  participants: [{name: museum}, {name: zoo}]
  rounds: {count: 3, minParticipants: 2}
  training: {length: {type: Steps, steps: 25}, seed: 5}
"""
POLICY = """---
apiVersion: fedtrain.dev/v1alpha1
kind: ParticipantPolicy
metadata: {{name: {who}}}
spec:
  datasets:
    - {{name: guidelines, uri: ./{who}-guidelines.jsonl}}
    - {{name: notes, uri: ./{who}-notes.jsonl}}
"""


def text(who: str, name: str, at: int) -> str:
    return f"{who} {name} {at}"


@pytest.fixture
def federation(tmp_path: Path) -> Federation:
    (tmp_path / "base").mkdir()
    (tmp_path / "base/config.json").write_text('{"model_type": "llama"}')
    for (who, name), rows in ROWS.items():
        lines = "".join(json.dumps({"text": text(who, name, at)}) + "\n" for at in range(rows))
        (tmp_path / f"{who}-{name}.jsonl").write_text(lines)
    (tmp_path / "federation.yaml").write_text(FILE + "".join(POLICY.format(who=who) for who in ("museum", "zoo")))
    return read_file(tmp_path / "federation.yaml")


def preflights(of_museum: int = 21) -> dict[str, Preflight]:
    """Counts over both data sets: 15 + 6 training rows at the museum, 9 + 3 at the zoo."""
    counts = {"museum": (of_museum, 7), "zoo": (12, 4)}
    return {
        who: Preflight(
            run_id="r", participant=who, samples=train, validation_samples=held, fingerprint=digest_bytes(b"")
        )
        for who, (train, held) in counts.items()
    }


def test_alone_and_personalised_have_the_mix_and_all_locations_of_their_participant(
    federation: Federation, tmp_path: Path
) -> None:
    arms = (
        alone(federation, "zoo", 75),
        personalised(federation, "zoo", 7, tmp_path / "adapter", digest_bytes(b"adapter")),
    )
    for arm in arms:
        assert arm.federation.training.spec.data == federation.training.spec.data
        assert {one.name for one in arm.federation.policies["zoo"].spec.datasets} == set(SETS)


def test_pooled_has_the_mix_and_a_file_for_each_data_set(federation: Federation, tmp_path: Path) -> None:
    files = {name: pooled_file(tmp_path / "pooled", name) for name in SETS}
    arm = pooled(federation, files, 150).federation
    mixed = arm.training.spec.data.datasets
    assert mixed == federation.training.spec.data.datasets
    assert {one.name: Path(one.uri).name for one in arm.policies["pooled"].spec.datasets} == {
        "notes": "notes.jsonl",
        "guidelines": "guidelines.jsonl",
    }


def test_each_pooled_file_has_the_training_rows_of_its_data_set_alone(federation: Federation, tmp_path: Path) -> None:
    pool_rows(federation, preflights(), tmp_path)
    for name in SETS:
        found = [json.loads(line)["text"] for line in pooled_file(tmp_path, name).read_text().splitlines()]
        expected: list[str] = []
        for who in ("museum", "zoo"):
            train, _ = split_indices(ROWS[who, name], 0.25, 5, stream_of(who, name))
            expected += [text(who, name, int(at)) for at in train]
        assert found == expected


def test_rows_of_one_data_set_that_changed_are_not_pooled(federation: Federation, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="data of museum changed since the run: 21 training rows instead of 22"):
        pool_rows(federation, preflights(of_museum=22), tmp_path)
