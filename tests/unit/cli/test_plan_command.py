"""`fedtrain plan` as a user calls it, and what it counts rows from."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from safetensors.numpy import save_file

from fedtrain.api.reading import read_file
from fedtrain.cli.main import main
from fedtrain.contracts.records import ModelFacts
from fedtrain.data.errors import DataError
from fedtrain.data.reader import read_rows
from fedtrain.preview.model_facts import base_facts
from fedtrain.preview.rounds_preview import grouped, preview
from fedtrain.preview.row_counts import Uncounted
from tests.support.outputs import check_output

FILE = """\
apiVersion: fedtrain.dev/v1alpha1
kind: FederatedTraining
metadata: {{name: try}}
spec:
  model: {{base: ./base, adapter: {{rank: 4}}}}
  data: {{dataset: d, format: Text, validationFraction: 0.1}}
  participants: [{{name: big}}, {{name: small}}]
  rounds: {{count: {rounds}, minParticipants: 2, belowMinimum: Skip}}
  training: {{length: {length}, batchSize: 8}}
  partitioning: {partitioning}
  aggregation: {{weights: {weights}}}
---
apiVersion: fedtrain.dev/v1alpha1
kind: ParticipantPolicy
metadata: {{name: big}}
spec: {{datasets: [{{name: d, uri: ./big.jsonl}}]}}
---
apiVersion: fedtrain.dev/v1alpha1
kind: ParticipantPolicy
metadata: {{name: small}}
spec: {{datasets: [{{name: d, uri: ./small.jsonl}}]}}
"""


def federation(
    folder: Path,
    partitioning: str = "{strategy: All}",
    rounds: int = 4,
    length: str = "{type: Epochs, epochs: 1}",
    weights: str = "Samples",
    sizes: tuple[int, int] = (100, 20),
) -> Path:
    """A base of one layer, 100 and 20 rows (90 and 18 to train on), four rounds."""
    base = folder / "base"
    base.mkdir()
    (base / "config.json").write_text(json.dumps({"hidden_size": 8, "num_hidden_layers": 1, "vocab_size": 32}))
    tensors = {
        "model.embed_tokens.weight": (32, 8),
        "model.layers.0.self_attn.q_proj.weight": (8, 8),
        "model.layers.0.mlp.up_proj.weight": (16, 8),
        "model.norm.weight": (8,),
        "lm_head.weight": (32, 8),
    }
    save_file({name: np.zeros(shape, np.float32) for name, shape in tensors.items()}, base / "model.safetensors")
    (base / "tokenizer.json").write_text(json.dumps({"model": {"type": "WordLevel"}}))
    (base / "tokenizer_config.json").write_text(json.dumps({"eos_token": "</s>"}))
    for name, size in zip(("big", "small"), sizes, strict=True):
        (folder / f"{name}.jsonl").write_text('{"text": "a"}\n' * size)
    file = folder / "federation.yaml"
    file.write_text(FILE.format(partitioning=partitioning, rounds=rounds, length=length, weights=weights))
    return file


def plan(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["plan", *map(str, arguments)], env={"COLUMNS": "120"})


def as_json(*arguments: str | Path) -> dict[str, Any]:
    result = plan(*arguments, "-o", "json")
    assert result.exit_code == 0, result.output
    printed = json.loads(result.output)
    check_output("plan", printed)
    return printed


def test_the_table_shows_everyone_in_groups_of_equal_rounds(tmp_path: Path) -> None:
    result = plan(federation(tmp_path, "{strategy: FixedSize, fixedSize: {samples: 30}, onExhausted: Clip}"))
    assert result.exit_code == 0, result.output
    lines = " ".join(result.output.split())
    assert "try: 4 rounds, partitioning FixedSize, Clip when a pass ends" in lines
    assert {"round 1", "rounds 2-3"} < set(result.output.splitlines()), "headings of the rows below them"
    assert "note: small sits out rounds 2-4: its data is used up: 18 samples (onExhausted: Clip)." in lines
    assert "note: In 3 of 4 rounds, from round 2, fewer participants train than rounds.minParticipants (2)" in lines
    assert "they are skipped" in lines


@pytest.mark.parametrize(("asked", "memory"), [(0, False), (1, True)])
def test_sizes_and_legend_have_no_more_than_the_run(asked: int, memory: bool, tmp_path: Path) -> None:
    """The memory is the same with and without gradient checkpointing here."""
    file = federation(tmp_path)
    file.write_text(file.read_text().replace("{name: big}, {", f"{{name: big, compute: {{gpusPerNode: {asked}}}}}, {{"))
    lines = " ".join(plan(file).output.split())
    assert ("GPU memory for 1 row at a time: " in lines) == memory
    assert "gradient checkpointing" not in lines
    assert "share: share of a data set" not in lines


def test_the_numbers_are_those_of_a_run(tmp_path: Path) -> None:
    made = as_json(federation(tmp_path, "{strategy: FixedSize, fixedSize: {samples: 30}}"))
    big, small = made["participants"]
    assert (big["rows"], big["training"], big["validation"]) == (100, 90, 10)
    assert (big["samples"], big["steps"], big["usesMin"], big["usesMax"]) == (120, 16, 1, 2)
    assert (small["samples"], small["usesMin"], small["usesMax"]) == (120, 6, 7)
    first = made["rounds"][0]["parts"]
    assert [(part["samples"], part["distinct"], part["firstPass"], part["lastPass"]) for part in first] == [
        (30, 30, 1, 1),
        (30, 18, 1, 2),
    ]
    assert [part["weight"] for part in first] == [30 / 48, 18 / 48]


def test_a_participant_without_validation_rows_is_named(tmp_path: Path) -> None:
    file = federation(tmp_path)
    file.with_name("small.jsonl").write_text('{"text": "a"}\n')
    note = "small has only one row, which is trained on, so none is left for validation"
    assert [one for one in preview(read_file(file)).notes if one.startswith(note)]
    file.write_text(file.read_text().replace("validationFraction: 0.1", "validationFraction: 0"))
    assert not [one for one in preview(read_file(file)).notes if "validationFraction" in one]


def test_steps_that_leave_out_part_of_a_slice_are_said(tmp_path: Path) -> None:
    made = preview(read_file(federation(tmp_path, length="{type: Steps, steps: 3}")))
    assert [(part.samples, part.trained, part.steps) for part in made.rounds[0].parts] == [(90, 24, 3), (18, 24, 3)]
    assert [note for note in made.notes if "The steps of big do not cover" in note]


@pytest.mark.parametrize(("weights", "expected"), [("Uniform", 0.5), ("ValidationLoss", None)])
def test_weights_that_only_a_run_can_tell_are_left_open(tmp_path: Path, weights: str, expected: float | None) -> None:
    made = preview(read_file(federation(tmp_path, weights=weights)))
    assert [part.weight for part in made.rounds[0].parts] == [expected, expected]
    assert any("validation losses" in note for note in made.notes) == (expected is None)


def test_a_long_run_of_equal_rounds_is_one_group(tmp_path: Path) -> None:
    made = preview(read_file(federation(tmp_path, rounds=500)))
    assert [(first.round, last.round) for first, last in grouped(made.rounds)] == [(1, 500)]
    assert made.rounds[-1].parts[0].first_pass == 500


def test_unknown_gpu_memory_is_reported_and_not_guessed(tmp_path: Path) -> None:
    made = preview(read_file(federation(tmp_path, "{strategy: DataVolumeAndGPUMemory}")))
    assert all(part.samples == 0 for part in made.rounds[0].parts)
    assert any("read from the device when the run starts" in note for note in made.notes)


def test_a_given_gpu_memory_gives_shares_with_the_base_models_sizes(tmp_path: Path) -> None:
    partitioning = "{strategy: DataVolumeAndGPUMemory, dataVolumeAndGPUMemory: {gpuMemory: 8Gi}}"
    made = preview(read_file(federation(tmp_path, partitioning)))
    assert [part.samples for part in made.rounds[0].parts] == [13, 4]
    assert any("predicted, not measured" in note for note in made.notes)


def test_sizes_of_the_base_come_from_its_headers(tmp_path: Path) -> None:
    facts = base_facts(read_file(federation(tmp_path)))
    assert facts == ModelFacts(
        base_parameters=32 * 8 * 2 + 8 * 8 + 16 * 8 + 8,
        adapter_parameters=4 * (8 + 8) + 4 * (16 + 8),
        hidden_size=8,
        layers=1,
        vocabulary=32,
    )


@pytest.mark.parametrize("index", [False, True])
def test_other_weights_beside_those_that_are_loaded_do_not_count(tmp_path: Path, index: bool) -> None:
    file = federation(tmp_path)
    facts = base_facts(read_file(file))
    save_file({"layers.0.attention.wq.weight": np.zeros((8, 8))}, tmp_path / "base/consolidated.safetensors")
    if index:
        weights = (tmp_path / "base/model.safetensors").rename(tmp_path / "base/model-00001-of-00001.safetensors")
        listed = {"weight_map": {"model.embed_tokens.weight": weights.name}}
        (tmp_path / "base/model.safetensors.index.json").write_text(json.dumps(listed))
    assert base_facts(read_file(file)) == facts
    shown = CliRunner().invoke(main, ["validate", str(file)], env={"COLUMNS": "200"}).stdout
    assert "base model, 712 parameters" in shown, shown


def test_plan_shows_transfer_and_memory(tmp_path: Path) -> None:
    """160 adapter parameters of 4 bytes, 8 updates; (65 * 8 + 10 * 32) * 512 bytes for a row of 512 tokens."""
    file = federation(tmp_path)
    assert as_json(file)["sizes"] == {
        "received": 640,
        "sent": 640,
        "moved": 8 * 1280,
        "rows": 1,
        "memory": 712 * 2 + 160 * 16 + 2**30 + 840 * 512,
        "memoryCheckpointed": 712 * 2 + 160 * 16 + 2**30 + (2 * 8 + 65 * 8 + 320) * 512,
    }
    output = " ".join(plan(file).output.split())
    assert "each round a participant receives 640 B and sends 640 B; 10.2 kB in the whole run" in output


def test_freeze_a_sends_half_and_a_missing_base_has_no_sizes(tmp_path: Path) -> None:
    file = federation(tmp_path)
    text = file.read_text()
    file.write_text(text.replace("{weights: Samples}", "{weights: Samples, merge: FreezeA}"))
    assert as_json(file)["sizes"]["sent"] == 320
    file.write_text(text.replace("./base", "s3://models/base"))
    assert "sizes" not in as_json(file)
    assert "transfer" not in plan(file).output


def test_row_counts_of_absent_data_can_be_given(tmp_path: Path) -> None:
    file = federation(tmp_path)
    file.write_text(file.read_text().replace("./small.jsonl", "s3://bucket/small.jsonl"))
    with pytest.raises(Uncounted):
        preview(read_file(file))
    result = plan(file)
    assert result.exit_code == 1
    assert "small: s3://bucket/small.jsonl is not on this machine" in result.output
    assert "--rows small=1000" in result.output
    assert as_json(file, "--rows", "small=50")["participants"][1]["training"] == 45


def test_given_row_counts_allow_a_path_that_does_not_exist_here(tmp_path: Path) -> None:
    file = federation(tmp_path)
    (tmp_path / "small.jsonl").unlink()
    result = plan(file, "--rows", "big=100")
    assert result.exit_code == 1
    assert "small.jsonl does not exist" in result.output
    assert as_json(file, "--rows", "small=50")["participants"][1]["training"] == 45
    (tmp_path / "big.jsonl").unlink()
    assert "big.jsonl does not exist" in plan(file, "--rows", "small=50").output


@pytest.mark.parametrize(("given", "said"), [("nobody=3", "'nobody' is not a participant"), ("big=x", "'x' is no")])
def test_row_counts_of_strangers_and_invalid_numbers_are_refused(tmp_path: Path, given: str, said: str) -> None:
    result = plan(federation(tmp_path), "--rows", given)
    assert result.exit_code == 1
    assert said in result.output


@pytest.mark.parametrize(
    ("count", "message"),
    [
        ("0", "--rows big=0: 0 is not a valid number of rows"),
        ("30000000", "--rows big=30000000: 30,000,000 rows are too many for big"),
        ("9" * 25, f"{'9' * 18}... is not a valid number of rows"),
        ("30000k", "Write `--rows big=20000000`."),
    ],
)
def test_row_counts_that_no_participant_can_have_are_refused(tmp_path: Path, count: str, message: str) -> None:
    result = plan(federation(tmp_path), "--rows", f"big={count}")
    assert result.exit_code == 1
    assert message in " ".join(result.stderr.split())
    assert "20000000" in result.stderr


def test_errors_of_a_run_follow_the_tables_and_fail_the_command(tmp_path: Path) -> None:
    file = federation(tmp_path)
    (tmp_path / "base/tokenizer.json").unlink()
    result = plan(file)
    assert result.exit_code == 1
    assert "each round" in result.stdout
    assert "error: a run would fail: " in result.stderr
    shown = plan(file, "-o", "json")
    assert shown.exit_code == 1
    assert json.loads(shown.stdout)["errors"][0] in " ".join(result.stderr.split())


def test_blank_lines_are_not_rows(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_bytes(b'{"text": "a"}\n\n  \r\n{"text": "b"}')
    assert len(read_rows(str(tmp_path / "d.jsonl"), "Text")) == 2


@pytest.mark.usefixtures("in_the_folder")
def test_bad_rows_of_all_participants_are_named_by_file_and_line(tmp_path: Path) -> None:
    file = federation(tmp_path)
    with (tmp_path / "big.jsonl").open("a") as rows:
        rows.write('{"txt": "a"}\n')
    (tmp_path / "small.jsonl").write_text('{"text": "a"}\n\n{"text": \n')
    (tmp_path / "test.jsonl").write_text('{"text": 3}\n')
    evaluation = "  evaluation: {hub: {data: {uri: test.jsonl}}}\n"
    file.write_text(file.read_text().replace("  training:", f"{evaluation}  training:"))
    result = plan(file)
    assert result.exit_code == 1
    assert 'big: big.jsonl:101: field "text" is missing; the format Text needs {text}' in result.stderr
    assert "small: small.jsonl:3:9: not valid JSON: expected a value" in result.stderr
    assert 'hub: test.jsonl:1: field "text" must be text, not a number' in result.stderr
    assert "Fix them" in result.stderr
    assert "--rows" not in result.stderr


def test_parquet_folders_and_saved_data_sets_are_counted(tmp_path: Path) -> None:
    arrow: Any = pytest.importorskip("pyarrow")
    parquet: Any = pytest.importorskip("pyarrow.parquet")
    table = arrow.table({"text": ["a", "b", "c"]})
    parquet.write_table(table, tmp_path / "one.parquet")
    (tmp_path / "two.jsonl").write_text('{"text": "a"}\n')
    (tmp_path / "notes.md").write_text("not data")
    assert len(read_rows(str(tmp_path / "one.parquet"), "Text")) == 3
    assert len(read_rows(f"file://{tmp_path}", "Text")) == 4
    datasets: Any = pytest.importorskip("datasets")
    saved = datasets.Dataset(table).filter(lambda row: row["text"] != "b", load_from_cache_file=False)
    saved.save_to_disk(str(tmp_path / "saved"))
    assert len(read_rows(str(tmp_path / "saved"), "Text")) == 2


@pytest.mark.parametrize("name", ["missing.jsonl", "empty", "bad.parquet"])
def test_data_that_cannot_be_counted_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.parquet").write_text("no table")
    with pytest.raises(DataError, match=name):
        read_rows(str(tmp_path / name), "Text")


def test_planning_imports_no_torch(tmp_path: Path) -> None:
    program = (
        "import sys; from fedtrain.cli.main import main\n"
        "main(['plan', sys.argv[1]], standalone_mode=False)\n"
        "print([name for name in ('torch', 'transformers', 'datasets', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(federation(tmp_path))], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_legend_explains_every_column_of_numbers() -> None:
    from fedtrain.cli.plan import LEGEND, MIX_COLUMNS, MIX_LEGEND, ROUND_COLUMNS, RUN_COLUMNS

    explained = {
        word.strip() for entry in f"{LEGEND}{MIX_LEGEND}".split(". ") for word in entry.partition(":")[0].split(",")
    }
    assert explained == {"slice", *RUN_COLUMNS[1:], *MIX_COLUMNS[1:], *ROUND_COLUMNS[1:]} - {"rows"}


def test_a_run_that_has_lost_run_json_is_named(tmp_path: Path) -> None:
    file = federation(tmp_path)
    assert plan(file).exit_code == 0
    name = file.read_text().split("metadata: {name: ")[1].split("}")[0]
    rounds = tmp_path / f"runs/default/{name}/rounds/0000"
    rounds.mkdir(parents=True)
    (rounds / "manifest.json").write_text("{}")
    result = plan(file)
    assert result.exit_code == 1
    assert "`run.json` is missing, but " in result.stderr
