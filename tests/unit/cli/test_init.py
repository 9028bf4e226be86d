import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from fedtrain.api.base import Block
from fedtrain.api.federated_training import FederatedTraining
from fedtrain.api.participant_policy import ParticipantPolicy
from fedtrain.api.pods import Pods
from fedtrain.api.reading import read_file
from fedtrain.api.shapes import block_of, fields_of
from fedtrain.cli.main import main


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str):
    return CliRunner().invoke(main, list(arguments))


def names(block: type[Block]) -> set[str]:
    """All fields of a block and of those below it, except the fields that Kubernetes pods define."""
    fields = fields_of(block) if block is not Pods else {}
    return set(fields).union(*(names(inner) for field in fields.values() if (inner := block_of(field.shape))))


def test_names_with_commas_are_several_participants(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["init", str(tmp_path), "--participant", "a,b", "--participant", "c"])
    assert result.exit_code == 0, result.output
    spec = read_file(tmp_path / "federation.yaml").training.spec
    assert [one.name for one in spec.participants] == ["a", "b", "c"]


def test_a_new_folder_gets_a_valid_file_and_rows_to_try_it_with(here: Path, monkeypatch: pytest.MonkeyPatch):
    result = run("init", "demo")
    assert result.exit_code == 0
    assert "\nnext:\n  fedtrain validate demo/federation.yaml\n" in result.stdout
    monkeypatch.chdir(here / "demo")
    checked = run("validate", "federation.yaml")
    assert checked.exit_code == 0
    assert checked.stdout.startswith(
        "federation.yaml is valid: demo, 2 participants (bank-a, bank-b), 3 rounds, FedAvg.\n"
    )


@pytest.mark.parametrize("name", ["federation.json", "sub/federation.toml", "rows.JSONL"])
def test_a_name_of_another_file_is_not_a_folder(here: Path, name: str) -> None:
    result = run("init", name)
    assert result.exit_code == 1
    assert f"{name} is the name of a file, but a federation file ends in .yaml" in result.stderr
    assert f"Write `{name.rpartition('.')[0]}.yaml`, or the name of a folder." in result.stderr
    assert list(here.iterdir()) == []
    assert run("init", "bank.v2").exit_code == 0, "a folder's name may have a dot"


def test_the_written_file_shows_every_field_of_the_api(here: Path):
    run("init")
    text = (here / "federation.yaml").read_text()
    missing = {name for name in names(FederatedTraining) | names(ParticipantPolicy) if f"{name}:" not in text}
    assert missing == set()


def test_what_it_calls_a_default_is_one(here: Path):
    run("init")
    chosen = {"model.base", "model.revision", "training.length", "evaluation.hub", "evaluation.participants"}
    spec = read_file(here / "federation.yaml").training.spec
    written = spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    required = {"data", "participants", "rounds.count"}

    def different(block: type[Block], values: Mapping[str, Any], path: str) -> set[str]:
        found: set[str] = set()
        for name, value in values.items():
            field, at = fields_of(block)[name], f"{path}.{name}".strip(".")
            if field.shape.block and isinstance(value, dict):
                found |= different(field.shape.block, value, at)
            elif field.required or value != field.info.get_default():
                found.add(at)
        return found

    spec = fields_of(FederatedTraining)["spec"].shape.block
    assert spec is not None
    exceptions = chosen | required
    assert {
        at for at in different(spec, written, "") if not any(at.startswith(prefix) for prefix in exceptions)
    } == set()


def test_the_commented_out_blocks_are_valid_in_their_places(here: Path):
    run("init")
    file = here / "federation.yaml"
    text = file.read_text()
    for wanted, strategy in {
        "# percentage: {percent: 25}": ("strategy: All ", "strategy: Percentage "),
        "# fedProx: {mu: 0.01}": ("strategy: FedAvg ", "strategy: FedProx "),
        "# fedAdam: {serverLearningRate": ("strategy: FedAvg ", "strategy: FedAdam "),
        "# validationLoss: {beta: 1.0}": ("weights: Samples ", "weights: ValidationLoss "),
        "# maxUpdateNorm: {type": ("", ""),
        "# minParticipants: 2": ("", ""),
        "# microBatchSize: 8": ("", ""),
        "# - {name: exact, type: ExactMatch": ("", ""),
        "# limits: {nodes": ("", ""),
        "# namespace: default": ("", ""),
    }.items():
        assert wanted in text
        file.write_text(text.replace(wanted, wanted.removeprefix("# "), 1).replace(*strategy, 1))
        assert read_file(file).training.metadata.name


def test_the_commented_out_privacy_block_is_valid_in_its_place(here: Path):
    run("init")
    file = here / "federation.yaml"
    text = file.read_text().replace("weights: Samples ", "weights: Uniform ")
    start = text.index("  # privacy:")
    end = text.index("\n\n", start)
    block = re.sub("^  # ", "  ", text[start:end], flags=re.MULTILINE)
    file.write_text(text[:start] + block + text[end:])
    privacy = read_file(file).training.spec.privacy
    assert privacy is not None
    assert (privacy.budget.epsilon, privacy.noise.type, privacy.clipping.norm) == (8, "Budget", 1.0)


def test_an_existing_file_is_kept_without_force(here: Path):
    (here / "federation.yaml").write_text("mine")
    result = run("init")
    assert result.exit_code == 1
    assert result.stderr == "error: federation.yaml exists\nhint: Choose another name, or overwrite it with --force.\n"
    assert (here / "federation.yaml").read_text() == "mine"
    assert run("init", "--force").exit_code == 0
    assert (here / "federation.yaml").read_text() != "mine"


def test_existing_data_are_kept_even_with_force(here: Path):
    (here / "data").mkdir()
    (here / "data/bank-a.jsonl").write_text("mine")
    result = run("init", "--force")
    assert (here / "data/bank-a.jsonl").read_text() == "mine"
    assert "wrote data/bank-b.jsonl" in result.stdout
    assert "wrote data/bank-a.jsonl" not in result.stdout
    assert "kept data/bank-a.jsonl, which already existed" in result.stdout
    assert "has sample rows" not in result.stdout


def test_participants_may_be_named(here: Path):
    run("init", "five.yaml", *(part for name in "abcde" for part in ("--participant", f"bank-{name}")))
    federation = read_file(here / "five.yaml")
    assert list(federation.policies) == [f"bank-{name}" for name in "abcde"]
    assert all(Path(federation.resolve(p.spec.datasets[0].uri)).stat().st_size for p in federation.policies.values())


def test_names_that_yaml_reads_as_numbers_or_booleans_are_in_quotes(here: Path) -> None:
    run("init", "2025", "--participant", "1,012,1e-3,0x1f,true,null,no")
    training = read_file(here / "2025/federation.yaml").training
    assert training.metadata.name == "2025"
    assert [one.name for one in training.spec.participants] == ["1", "012", "1e-3", "0x1f", "true", "null", "no"]
    assert "are in runs/default/2025." in (here / "2025/federation.yaml").read_text()


@pytest.mark.parametrize("named", [["Bank_A"], ["a" * 41], ["bank-a", "bank-a"]])
def test_names_that_can_not_be_are_refused_before_anything_is_written(named: list[str], here: Path):
    result = run("init", *(part for name in named for part in ("--participant", name)))
    assert result.exit_code == 1
    assert list(here.iterdir()) == []


def test_without_data_only_the_file_is_written(here: Path):
    assert "Name your data" in run("init", "--no-data").stdout
    assert sorted(file.name for file in here.iterdir()) == ["federation.schema.json", "federation.yaml"]


def test_the_rows_are_the_format_that_the_file_names_and_no_test_row_is_trained_on(here: Path):
    run("init")
    rows = {file.stem: file.read_text().splitlines() for file in (here / "data").iterdir()}
    assert set(rows) == {"bank-a", "bank-b", "test"}
    assert all(set(json.loads(row)) == {"prompt", "completion"} for lines in rows.values() for row in lines)
    assert not set(rows["test"]) & (set(rows["bank-a"]) | set(rows["bank-b"]))
    answers = {name: {json.loads(row)["completion"] for row in lines} for name, lines in rows.items()}
    assert answers["test"] == {" billing", " access", " delivery"}


def test_the_runs_name_is_the_folders_as_far_as_names_allow(here: Path):
    run("init", "My Bank's_Run")
    written = YAML(typ="safe").load_all(here / "My Bank's_Run/federation.yaml")
    name = next(iter(written))["metadata"]["name"]
    assert name == "my-bank-s-run"
    assert re.fullmatch(r"[a-z0-9-]+", name)
