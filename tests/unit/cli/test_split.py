"""`fedtrain split` as a user calls it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fedtrain.api.reading import Invalid, read_file
from fedtrain.cli.main import main

ROWS = [
    {"prompt": f"question {number} =>", "completion": " yes" if number % 3 else " no", "site": f"Site {number % 4}"}
    for number in range(40)
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return written(tmp_path / "tickets.jsonl", ROWS)


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def a_base(folder: Path) -> Path:
    """Make a folder that looks like a base model."""
    (folder / "base").mkdir(exist_ok=True)
    (folder / "base/config.json").write_text("{}")
    return folder / "base"


def split(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["split", *map(str, arguments)])


def done(*arguments: str | Path) -> Result:
    result = split(*arguments)
    assert result.exit_code == 0, result.output
    return result


def rows_of(folder: Path) -> dict[str, list[dict[str, Any]]]:
    files = sorted((folder / "data").iterdir())
    return {file.stem: [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] for file in files}


def content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def key(row: dict[str, Any]) -> str:
    return json.dumps(row, sort_keys=True)


def metrics_of(folder: Path) -> tuple[list[str], list[str]]:
    """The types of the hub's and of the participants' metrics."""
    evaluation = read_file(folder / "federation.yaml", elsewhere=True, judged=False).training.spec.evaluation
    hub = [metric.type for metric in evaluation.hub.metrics] if evaluation.hub else []
    return hub, [metric.type for metric in evaluation.participants.metrics] if evaluation.participants else []


def test_labelled_rows_are_measured_by_choices_first_at_the_hub_and_by_participants(data: Path, tmp_path: Path) -> None:
    arguments = (data, "--participants", "2", "--label", "site", "--base", a_base(tmp_path))
    done(*arguments, "--test-fraction", "0.2", "--out", tmp_path / "tested")
    assert metrics_of(tmp_path / "tested") == (["Choices", "Loss"], ["Choices", "Loss"])
    done(*arguments, "--out", tmp_path / "untested")
    assert metrics_of(tmp_path / "untested") == ([], ["Choices", "Loss"])


def test_the_file_says_how_to_generate_answers_to_prompts_of_the_test_data(data: Path, tmp_path: Path) -> None:
    arguments = ("--participants", "2", "--test-fraction", "0.2", "--base", a_base(tmp_path))
    done(data, *arguments, "--out", tmp_path / "prompts")
    file = tmp_path / "prompts/federation.yaml"
    file.write_text(file.read_text().replace("# samples:", "samples:"))
    hub = read_file(file).training.spec.evaluation.hub
    assert hub is not None
    assert hub.samples == 4
    texts = written(tmp_path / "texts.jsonl", [{"text": f"row {number}"} for number in range(20)])
    done(texts, *arguments, "--out", tmp_path / "texts")
    assert "samples:" not in (tmp_path / "texts/federation.yaml").read_text(), "texts have no prompts"


def test_without_a_label_only_the_hub_measures_its_loss(data: Path, tmp_path: Path) -> None:
    done(data, "--participants", "2", "--test-fraction", "0.2", "--base", a_base(tmp_path), "--out", tmp_path / "out")
    assert metrics_of(tmp_path / "out") == (["Loss"], [])


def test_answers_that_are_not_labels_are_measured_by_their_loss(tmp_path: Path) -> None:
    rows = [{"prompt": "p", "completion": f"a long answer {number}", "topic": str(number % 2)} for number in range(20)]
    data = written(tmp_path / "free.jsonl", rows)
    done(data, "--participants", "2", "--label", "topic", "--base", a_base(tmp_path), "--out", tmp_path / "out")
    assert metrics_of(tmp_path / "out") == ([], ["Loss"])


def test_rows_are_dealt_evenly_and_none_is_lost(data: Path, tmp_path: Path) -> None:
    result = done(data, "--participants", "3", "--out", tmp_path / "out")
    found = rows_of(tmp_path / "out")
    assert [len(rows) for rows in found.values()] == [14, 13, 13]
    assert sorted(key(row) for rows in found.values() for row in rows) == sorted(map(key, ROWS))
    assert "participant-1" in result.output
    assert "Name the base model" in result.output


def test_the_same_seed_writes_the_same_bytes_and_another_seed_others(data: Path, tmp_path: Path) -> None:
    for folder, seed in [("one/fed", "3"), ("two/fed", "3"), ("three/fed", "4")]:
        arguments = ("--participants", "3", "--dirichlet", "0.5", "--label", "completion", "--test-fraction", "0.2")
        done(data, *arguments, "--seed", seed, "--out", tmp_path / folder)
    assert content(tmp_path / "one/fed") == content(tmp_path / "two/fed")
    assert content(tmp_path / "one/fed")["data/test.jsonl"] != content(tmp_path / "three/fed")["data/test.jsonl"]


def test_the_file_is_valid_once_a_base_is_named(data: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    (base / "config.json").write_text("{}")
    done(data, "--participants", "a,b", "--test-fraction", "0.1", "--base", base, "--out", tmp_path / "out")
    federation = read_file(tmp_path / "out" / "federation.yaml")
    spec = federation.training.spec
    assert federation.training.metadata.name == "out"
    assert (spec.data.dataset, spec.data.format) == ("tickets", "PromptCompletion")
    assert [participant.name for participant in spec.participants] == ["a", "b"]
    assert spec.evaluation.hub is not None
    places = [spec.evaluation.hub.data.uri, *(policy.spec.datasets[0].uri for policy in federation.policies.values())]
    assert all(Path(federation.resolve(place)).is_file() for place in places)


def test_a_relative_base_is_written_relative_to_the_file(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    done(data, "--participants", "2", "--base", "base", "--out", "made/here")
    federation = read_file(Path("made/here/federation.yaml"))
    assert Path(federation.resolve(federation.training.spec.model.base)).resolve() == (tmp_path / "base").resolve()


@pytest.mark.parametrize("out", ["link/made", "link"])
@pytest.mark.parametrize("base", ["base", "models/linked"])
def test_a_relative_base_leads_to_the_base_from_a_folder_behind_a_link(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: str, out: str
) -> None:
    (tmp_path / "here/models").mkdir(parents=True)
    (tmp_path / "disk/deep/folder").mkdir(parents=True)
    (tmp_path / "here/link").symlink_to(tmp_path / "disk/deep/folder")
    (tmp_path / "here/models/linked").symlink_to(a_base(tmp_path / "here"))
    monkeypatch.chdir(tmp_path / "here")
    done(data, "--participants", "2", "--base", base, "--out", out)
    federation = read_file(Path(out) / "federation.yaml")
    assert federation.training.spec.model.base.endswith(f"here/{base}")
    assert Path(federation.resolve(federation.training.spec.model.base)).samefile(tmp_path / "here/base")


def test_without_a_base_validation_asks_for_nothing_else(data: Path, tmp_path: Path) -> None:
    done(data, "--participants", "2", "--out", tmp_path / "out")
    with pytest.raises(Invalid) as caught:
        read_file(tmp_path / "out" / "federation.yaml")
    assert [error.path for error in caught.value.errors] == [("spec", "model", "base")]


def test_by_a_field_each_value_is_a_participant(data: Path, tmp_path: Path) -> None:
    done(data, "--by", "site", "--out", tmp_path / "out")
    found = rows_of(tmp_path / "out")
    assert sorted(found) == ["site-0", "site-1", "site-2", "site-3"]
    assert all({row["site"] for row in rows} == {f"Site {name[-1]}"} for name, rows in found.items())


def test_names_that_yaml_reads_as_numbers_or_booleans_are_in_quotes(tmp_path: Path) -> None:
    sites = ["1", "2", "012", "1e3", "null", "yes"]
    data = written(tmp_path / "2023.jsonl", [{**row, "site": site} for row in ROWS[:2] for site in sites])
    done(data, "--by", "site", "--base", a_base(tmp_path), "--out", tmp_path / "2025")
    training = read_file(tmp_path / "2025/federation.yaml").training
    assert (training.metadata.name, training.spec.data.dataset) == ("2025", "2023")
    assert [one.name for one in training.spec.participants] == sorted(sites)


def test_the_value_of_each_participant_is_shown_beside_its_name(data: Path, tmp_path: Path) -> None:
    result = done(data, "--by", "site", "--label", "completion", "--out", tmp_path / "out")
    assert "│ site-0 │ Site 0 │" in " ".join(result.output.split())


def test_more_values_than_participants_are_spread_and_said(data: Path, tmp_path: Path) -> None:
    result = done(data, "--by", "site", "--participants", "2", "--out", tmp_path / "out")
    found = rows_of(tmp_path / "out")
    assert [len(rows) for rows in found.values()] == [20, 20]
    assert "4 values were spread over 2 participants" in result.output


def test_the_test_file_shares_no_row_with_the_participants(data: Path, tmp_path: Path) -> None:
    done(data, "--by", "site", "--test-fraction", "0.2", "--out", tmp_path / "out")
    found = rows_of(tmp_path / "out")
    test = {key(row) for row in found.pop("test")}
    assert len(test) == 8
    assert test.isdisjoint(key(row) for rows in found.values() for row in rows)


@pytest.mark.parametrize(
    "rows",
    [
        [{"text": "same", "number": number} for number in range(10)],
        [
            {"messages": [{"role": role, "content": "same", "id": at} for role in ("user", "assistant")]}
            for at in range(10)
        ],
    ],
)
def test_duplicate_rows_that_leak_into_the_test_are_warned_of(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    data = written(tmp_path / "d.jsonl", rows)
    result = done(data, "--participants", "2", "--test-fraction", "0.2", "--out", tmp_path / "out")
    shown = " ".join(result.output.split())
    assert "2 of 2 test rows also appear" in shown
    assert shown.count("fedtrain convert --drop-repeated") == 1


def test_a_participant_called_test_keeps_its_file(data: Path, tmp_path: Path) -> None:
    done(data, "--participants", "test,b", "--test-fraction", "0.2", "--out", tmp_path / "out")
    assert {name: len(rows) for name, rows in rows_of(tmp_path / "out").items()} == {"b": 16, "test": 16, "test_": 8}


def test_parquet_is_read_and_lines_are_written(tmp_path: Path) -> None:
    parquet: Any = pytest.importorskip("pyarrow.parquet")
    table: Any = pytest.importorskip("pyarrow").Table
    rows = [
        {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": str(i)}]} for i in range(6)
    ]
    parquet.write_table(table.from_pylist(rows), tmp_path / "d.parquet")
    result = done(tmp_path / "d.parquet", "--participants", "2", "--out", tmp_path / "out")
    assert "format Messages" in result.output
    found = rows_of(tmp_path / "out")
    assert sorted(key(row) for part in found.values() for row in part) == sorted(map(key, rows))


def test_lines_stay_as_they_were_written(tmp_path: Path) -> None:
    line = '{"text":  "caf\u00e9", "n": 1.50}'
    (tmp_path / "d.jsonl").write_text(f"\ufeff{line}\r\n\n{line}\n", encoding="utf-8")
    done(tmp_path / "d.jsonl", "--participants", "2", "--out", tmp_path / "out")
    assert content(tmp_path / "out")["data/participant-1.jsonl"] == f"{line}\n".encode()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--by", "region"], "no row of {data} has this field\nhint: Rows have the fields completion, prompt, site"),
        (["--by", "Site"], "no row of {data} has this field\nhint: Write `--by site`."),
        (["--by", "site", "--dirichlet", "1"], "exclude each other"),
        (["--by", "site", "--participants", "9"], "9 participants are more than the 4 values of site"),
        (["--participants", "2", "--dirichlet", "0", "--label", "site"], "alpha must be above 0"),
        (["--participants", "2", "--dirichlet", "nan", "--label", "site"], "alpha must be above 0"),
        (
            ["--participants", "2", "--dirichlet", "1"],
            "needs --label\nhint: Add `--label FIELD`; rows have the fields completion, prompt, site.",
        ),
        (["--participants", "2", "--dirichlet", "1", "--label", "topic"], "--label topic: no row of"),
        (["--participants", "41"], "41 participants are more than the 40 rows"),
        (["--participants", "40", "--test-fraction", "0.5"], "none is left for a test"),
        (["--participants", "2", "--test-fraction", "1"], "--test-fraction 1 must be"),
        ([], "--participants is missing"),
        (["--participants", "2", "--base", "org/model"], "needs --revision"),
        (
            ["--participants", "2", "--base", "./base", "--revision", "main"],
            "is not a model from Hugging Face, so it has",
        ),
        (["--participants", "2", "--base", "s3://b/base", "--revision", "main"], "Leave out --revision, or name"),
        (["--participants", "2", "--base", "org/model", "--revision", "main"], "is not a full commit id"),
        (["--participants", "2", "--revision", "main"], "--revision main without --base"),
        (["--participants", "2", "--base", "my-base"], "If it is a folder, correct the path"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_written(
    data: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    result = split(data, *arguments, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert said.format(data=data) in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["tickets.jsonl"]


def test_an_output_that_exists_is_refused_and_left_alone(data: Path, tmp_path: Path) -> None:
    result = split(data, "--participants", "2", "--out", data)
    assert result.exit_code == 1
    assert "already exists" in result.output
    (tmp_path / "out").mkdir()
    done(data, "--participants", "2", "--out", tmp_path / "out")
    assert split(data, "--participants", "2", "--out", tmp_path / "out").exit_code == 1


def test_the_current_folder_and_a_link_to_a_folder_are_filled_and_stay(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    monkeypatch.chdir(tmp_path / "here")
    done(data, "--participants", "2", "--out", ".")
    done(data, "--participants", "2", "--out", "../link")
    assert (tmp_path / "there/federation.yaml").exists()
    assert (tmp_path / "link").is_symlink()
    assert "metadata:\n  name: here\n" in Path("federation.yaml").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here", "link", "there", "tickets.jsonl"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"text": "a"}\n{"text"\n', "d.jsonl:2:8: not valid JSON: expected ':'"),
        ('{"text": "a"}\n[1]\n', "d.jsonl:2: a row must be an object"),
        (
            '{"text": "a"}\n{"question": "b"}\n',
            "d.jsonl:2: unknown row format; the row has the fields question",
        ),
        ('{"question": "b"}\n{"question": "c"}\n', "d.jsonl:1: the rows have one field, question, and no answers"),
        ("\n", "there are no rows"),
    ],
)
def test_bad_rows_are_named_by_file_and_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "d.jsonl").write_text(text)
    result = split(tmp_path / "d.jsonl", "--participants", "1", "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert said in result.output


def test_rows_with_other_fields_lead_to_the_command_that_converts_them(tmp_path: Path) -> None:
    data = written(tmp_path / "d.jsonl", [{"Frage": "a", "Antwort": "b"}])
    result = split(data, "--participants", "1", "--out", tmp_path / "out")
    assert f"fedtrain convert {data} -o d-rows.jsonl --to PromptCompletion --field prompt=QUESTION" in result.output


def test_rows_are_not_longer_than_the_context_of_the_base_model(data: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    (base / "config.json").write_text('{"model_type": "llama", "max_position_embeddings": 256}')
    done(data, "--participants", "2", "--base", base, "--out", tmp_path / "short")
    done(data, "--participants", "2", "--out", tmp_path / "default")
    assert "maxLength: 256 " in (tmp_path / "short/federation.yaml").read_text()
    assert "maxLength: 512 " in (tmp_path / "default/federation.yaml").read_text()


def test_a_tiny_base_model_gets_the_learning_rate_that_was_measured_with_one(data: Path, tmp_path: Path) -> None:
    base = Path(__file__).parents[3] / "examples/quickstart/base"
    done(data, "--participants", "2", "--base", base, "--out", tmp_path / "tiny")
    done(data, "--participants", "2", "--out", tmp_path / "unknown")
    (tiny,) = re.findall("learningRate: .*", (tmp_path / "tiny/federation.yaml").read_text())
    assert re.fullmatch(r"learningRate: 3e-3 +# the base model has only 1\.2 million parameters; docs/\S+", tiny)
    assert "learningRate: 2e-4 " in (tmp_path / "unknown/federation.yaml").read_text()


@pytest.mark.parametrize(("rows", "rounds"), [(40, 20), (400, 17), (4000, 5)])
def test_a_tiny_base_model_gets_enough_rounds_to_learn_from_few_rows(rows: int, rounds: int, tmp_path: Path) -> None:
    base = Path(__file__).parents[3] / "examples/quickstart/base"
    data = written(tmp_path / "rows.jsonl", [ROWS[0] | {"prompt": f"question {number} =>"} for number in range(rows)])
    done(data, "--participants", "2", "--base", base, "--out", tmp_path / "tiny")
    done(data, "--participants", "2", "--out", tmp_path / "unknown")
    assert read_file(tmp_path / "tiny/federation.yaml").training.spec.rounds.count == rounds
    assert "    count: 5\n" in (tmp_path / "unknown/federation.yaml").read_text()


def test_a_row_without_the_field_is_named(tmp_path: Path) -> None:
    data = written(tmp_path / "d.jsonl", [{"text": "a", "site": "x"}, {"text": "b"}])
    result = split(data, "--by", "site", "--out", tmp_path / "out")
    assert f"{data}:2 has no such field; it has the fields text" in result.output


def test_a_missing_file_and_an_unknown_kind_are_said(tmp_path: Path) -> None:
    assert "no such file" in split(tmp_path / "no.jsonl", "--participants", "1", "--out", "x").output
    (tmp_path / "d.xlsx").write_text("a,b")
    said = split(tmp_path / "d.xlsx", "--participants", "1", "--out", "x").output
    assert "a spreadsheet (such as an Excel workbook), not text" in said


def test_columns_beside_text_that_are_not_trained_on_are_named(tmp_path: Path) -> None:
    rows = "".join(f"question {number},{'north' if number % 2 else 'south'}\n" for number in range(12))
    (tmp_path / "u.csv").write_text(f"text,queue\n{rows}")
    base = Path(__file__).parents[3] / "examples/quickstart/base"
    result = done(tmp_path / "u.csv", "--participants", "2", "--out", tmp_path / "out", "--base", base)
    said = " ".join(result.stderr.split())
    assert "note: only the column `text` is trained on; `queue` is ignored. To train answers from the column" in said
    file = tmp_path / "out/federation.yaml"
    assert f"`fields: {{prompt: text, completion: queue}}` in spec.data of {file}." in said
    text = file.read_text().replace(
        "format: Text", "format: PromptCompletion\n    fields: {prompt: text, completion: queue}"
    )
    file.write_text(text)
    checked = CliRunner().invoke(main, ["plan", str(file)])
    assert checked.exit_code == 0, checked.output


def test_the_label_is_the_column_that_is_advised_for_answers(tmp_path: Path) -> None:
    rows = [{"text": f"question {n}", "city": f"c{n % 2}", "queue": f"q{n % 3}"} for n in range(12)]
    data = written(tmp_path / "t.jsonl", rows)
    said = done(data, "--participants", "2", "--label", "queue", "--out", tmp_path / "out").stderr
    assert "`fields: {prompt: text, completion: queue}`" in " ".join(said.split())


def test_a_column_that_divides_the_rows_is_not_called_ignored(tmp_path: Path) -> None:
    data = written(tmp_path / "t.jsonl", [{"text": f"a {n}", "site": f"s{n % 2}"} for n in range(8)])
    assert "ignored" not in done(data, "--by", "site", "--out", tmp_path / "out").output
