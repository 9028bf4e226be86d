"""Data in every form, and bad data named by file and line."""

import json
from pathlib import Path
from typing import Any

import datasets
import pytest

from fedtrain.api.data import Data
from fedtrain.data import row_limit
from fedtrain.data.errors import DataError
from fedtrain.data.mixed_rows import read_data_sets
from fedtrain.data.reader import read_rows
from fedtrain.data.row import digest_in_any_order, digest_of_rows

ROWS: list[dict[str, Any]] = [{"prompt": f"a {word} is =>", "completion": " thing"} for word in "abcdefg"]
CHAT: list[dict[str, Any]] = [
    {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": f"b{n}"}]} for n in range(3)
]


def read(place: Path, format: Any = "PromptCompletion") -> Any:
    return read_rows(str(place), format)


def write_rows(file: Path, rows: list[dict[str, Any]]) -> Path:
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return file


@pytest.fixture
def jsonl(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "tickets.jsonl", ROWS)


def test_jsonl_parquet_and_a_data_set_on_disk_are_the_same_rows(jsonl: Path, tmp_path: Path) -> None:
    table = datasets.Dataset.from_list([{**row, "ticket": number} for number, row in enumerate(ROWS)])
    table.to_parquet(str(tmp_path / "rows.parquet"))
    table.save_to_disk(str(tmp_path / "saved"))
    expected = digest_of_rows(read(jsonl))
    assert digest_of_rows(read(tmp_path / "rows.parquet")) == expected
    assert digest_of_rows(read(tmp_path / "saved")) == expected


@pytest.mark.parametrize("kind", ["Parquet", "data set on disk"])
def test_a_table_with_other_columns_is_not_empty(tmp_path: Path, kind: str) -> None:
    table = datasets.Dataset.from_list([{"question": "a", "answer": "b"}] * 2)
    if kind == "Parquet":
        table.to_parquet(str(tmp_path / "rows.parquet"))
    else:
        table.save_to_disk(str(tmp_path / "rows.parquet"))
    with pytest.raises(DataError, match=r'^rows.parquet: row 1: field "prompt" is missing'):
        read(tmp_path / "rows.parquet")


def test_conversations_can_be_in_parquet(tmp_path: Path) -> None:
    datasets.Dataset.from_list(CHAT).to_parquet(str(tmp_path / "chat.parquet"))
    write_rows(tmp_path / "chat.jsonl", CHAT)
    assert digest_of_rows(read(tmp_path / "chat.parquet", "Messages")) == digest_of_rows(
        read(tmp_path / "chat.jsonl", "Messages")
    )


def test_a_folder_is_its_files_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    write_rows(folder / "b.jsonl", ROWS[3:])
    write_rows(folder / "a.jsonl", ROWS[:3])
    (folder / "README.md").write_text("about")
    rows = read(folder)
    assert [row.fields for row in rows] == ROWS
    assert [rows[0].where, rows[3].where] == ["a.jsonl:1", "b.jsonl:1"]


def test_the_fingerprint_is_of_the_rows_in_order_and_nothing_else(jsonl: Path, tmp_path: Path) -> None:
    spaced = tmp_path / "spaced.jsonl"
    spaced.write_text("\n\n".join(json.dumps({"note": 1, **row}, indent=None) for row in ROWS))
    assert digest_of_rows(read(spaced)) == digest_of_rows(read(jsonl))
    assert digest_of_rows(read(write_rows(tmp_path / "back.jsonl", ROWS[::-1]))) != digest_of_rows(read(jsonl))


def test_the_digest_of_held_out_rows_does_not_depend_on_their_order(jsonl: Path, tmp_path: Path) -> None:
    expected = digest_in_any_order(read(jsonl))
    assert digest_in_any_order(read(write_rows(tmp_path / "back.jsonl", ROWS[::-1]))) == expected
    for number, other in enumerate((ROWS[1:], [*ROWS, ROWS[0]], [{**ROWS[0], "completion": " other"}, *ROWS[1:]])):
        assert digest_in_any_order(read(write_rows(tmp_path / f"{number}.jsonl", other))) != expected


@pytest.mark.parametrize(
    ("format", "line", "message"),
    [
        (
            "PromptCompletion",
            '{"prompt": "a"}',
            'tickets.jsonl:2: field "completion" is missing; the format PromptCompletion needs {prompt, completion}',
        ),
        ("PromptCompletion", '{"prompt": "a", "completion": 3}', 'field "completion" must be text, not a number'),
        ("PromptCompletion", '{"prompt": "a", "completion": ""}', 'field "completion" is empty'),
        ("PromptCompletion", '{"prompt": "a", "completion": "b", "choices": ["b"]}', '"choices" must be a list of at'),
        ("Text", '{"text": "a\\ud800"}', "half a surrogate pair"),
        ("PromptCompletion", '{"prompt": ', "tickets.jsonl:2:11: not valid JSON: expected a value"),
        ("PromptCompletion", "[1, 2]", "tickets.jsonl:2: a row must be an object"),
        ("Text", '{"txt": "a"}', 'field "text" is missing; the format Text needs {text}'),
        ("Messages", '{"messages": []}', 'field "messages" must be a list'),
        ("Messages", '{"messages": [{"role": "user"}]}', 'messages[0] must have text in "content"'),
        (
            "Messages",
            '{"messages": [{"role": "user", "content": "a"}]}',
            'the last message of field "messages" has the role "user"',
        ),
    ],
)
def test_a_bad_row_is_named_by_file_line_and_field(tmp_path: Path, format: str, line: str, message: str) -> None:
    good = {"PromptCompletion": ROWS[0], "Text": {"text": "a"}, "Messages": CHAT[0]}[format]
    file = tmp_path / "tickets.jsonl"
    file.write_text(f"{json.dumps(good)}\n{line}\n")
    with pytest.raises(DataError) as refused:
        read(file, format)
    assert str(refused.value).startswith("tickets.jsonl:2:")
    assert message in str(refused.value)


def test_bytes_that_are_not_utf8_are_named(tmp_path: Path) -> None:
    (tmp_path / "latin.jsonl").write_bytes('{"text": "caf\u00e9"}'.encode("latin-1"))
    with pytest.raises(DataError, match=r"latin.jsonl:1: not UTF-8"):
        read(tmp_path / "latin.jsonl", "Text")


def test_places_without_rows_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "data.xlsx").write_text("a,b")
    datasets.DatasetDict({"train": datasets.Dataset.from_list(ROWS)}).save_to_disk(str(tmp_path / "splits"))
    for name, message in {
        "empty.jsonl": "there are no rows",
        "folder": "no data files in this folder",
        "data.xlsx": "a spreadsheet",
        "missing.jsonl": "no such file",
        "splits": "splits/train",
    }.items():
        with pytest.raises(DataError, match=f"^{name}: .*{message}") as refused:
            read(tmp_path / name)
        assert str(tmp_path) not in str(refused.value)  # the message leaves the participant, its folders do not


def test_more_rows_than_a_round_can_be_planned_for_are_refused(jsonl: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_limit, "MAX_SAMPLES", len(ROWS))
    read(jsonl)
    monkeypatch.setattr(row_limit, "MAX_SAMPLES", len(ROWS) - 1)
    with pytest.raises(DataError, match=r"^tickets.jsonl: there are more than 6 rows; use fewer, such as"):
        read(jsonl)
    monkeypatch.setattr(row_limit, "MAX_SAMPLES", len(ROWS))
    sources = [{"name": name, "share": 0.5} for name in ("notes", "letters")]
    mix = Data.model_validate({"datasets": sources, "format": "PromptCompletion"})
    with pytest.raises(DataError, match=r"^all data sets together: there are more than 7 rows"):
        read_data_sets(mix, [(str(jsonl), None)] * 2)


def test_a_file_that_is_not_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_text("hello")
    with pytest.raises(DataError, match=r"x.parquet: not a readable Parquet file"):
        read(tmp_path / "x.parquet")


def test_a_parquet_file_with_damaged_pages_is_not_blamed_on_permissions(tmp_path: Path) -> None:
    file = tmp_path / "x.parquet"
    rows = [{"prompt": f"a thing {number} is =>", "completion": " thing"} for number in range(1000)]
    datasets.Dataset.from_list(rows).to_parquet(str(file))
    content = bytearray(file.read_bytes())
    content[200:400] = bytes(byte ^ 0xFF for byte in content[200:400])
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"^x.parquet: not a readable Parquet file; write it again"):
        read(file)


def test_a_workbook_with_the_name_of_a_csv_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(b"PK\x03\x04" + bytes(range(256)))
    with pytest.raises(DataError, match=r"rows.csv: an Excel workbook or a zip archive, not text; export it as CSV"):
        read_rows(str(file), "PromptCompletion")
