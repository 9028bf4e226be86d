"""The same rows from every type of file, and faults named by file and line."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner
from pyarrow import parquet

from fedtrain.cli.main import main
from fedtrain.data.errors import DataError
from fedtrain.data.reader import read_rows
from fedtrain.data.row import Row, digest_of_rows

ROWS = [{"prompt": "Größe, bitte", "completion": ' "20"\nm'}, {"prompt": "q;2", "completion": " a"}]
LINES = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in ROWS).encode()
CSV = 'id,prompt,completion\n1,"Größe, bitte"," ""20""\nm"\n\n2,q;2, a\n'


def parquet_bytes() -> bytes:
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_pylist(ROWS), sink)
    return sink.getvalue().to_pybytes()


FILES: dict[str, bytes] = {
    "a.jsonl": LINES,
    "a.JSONL": b"\xef\xbb\xbf" + LINES.replace(b"\n", b"\r\n"),
    "a.json": json.dumps(ROWS, indent=2).encode(),
    "lines.json": LINES,
    "empty-lines.json": b"\xef\xbb\xbf\n [" + b",\n".join(LINES.splitlines()) + b"]\n",
    "a.csv": CSV.encode(),
    "excel.csv": b"\xef\xbb\xbf" + CSV.replace("id,prompt,completion", "id;prompt;completion")
    .replace("1,", "1;").replace('bitte",', 'bitte";').replace("2,q;2,", '2;"q;2";').encode(),
    "a.tsv": CSV.replace("id,prompt,completion", "id\tprompt\tcompletion")
    .replace("1,", "1\t").replace('bitte",', 'bitte"\t').replace("2,q;2,", "2\tq;2\t").encode(),
    "a.parquet": parquet_bytes(),
}  # fmt: skip


def read(place: Path, format: Any = "PromptCompletion") -> list[Row]:
    return read_rows(str(place), format)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("compressed", [False, True])
def test_every_type_of_file_gives_the_same_rows(tmp_path: Path, name: str, compressed: bool) -> None:
    content = FILES[name]
    file = tmp_path / (f"{name}.gz" if compressed else name)
    file.write_bytes(gzip.compress(content) if compressed else content)
    rows = read(file)
    assert [row.fields for row in rows] == ROWS
    assert digest_of_rows(rows) == digest_of_rows([Row("", fields) for fields in ROWS])


def test_a_folder_may_mix_types(tmp_path: Path) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    assert len(read(tmp_path)) == len(FILES) * len(ROWS)


@pytest.mark.parametrize("options", [(), ("--to", "PromptCompletion")], ids=str)
@pytest.mark.parametrize("compressed", [False, True])
def test_convert_writes_the_same_rows_from_every_type_of_file_and_from_a_folder(
    tmp_path: Path, compressed: bool, options: tuple[str, ...]
) -> None:
    (tmp_path / "folder/part").mkdir(parents=True)
    for name, content in FILES.items():
        file = tmp_path / "folder/part" / (f"{name}.gz" if compressed else name)
        file.write_bytes(gzip.compress(content) if compressed else content)
        out = tmp_path / f"{name}.jsonl"
        result = CliRunner().invoke(main, ["convert", str(file), "-o", str(out), *options])
        assert result.exit_code == 0, f"{name}: {result.output}"
        assert [row.fields for row in read(out)] == ROWS, name
    result = CliRunner().invoke(
        main, ["convert", str(tmp_path / "folder"), "-o", str(tmp_path / "all.jsonl"), *options]
    )
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert [{name: line[name] for name in ROWS[0]} for line in lines] == ROWS * len(FILES)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b'[{"text": "a"},\n\n {"txt": "b"}]', 'a.json:3: field "text" is missing'),
        ("a.json", b'[{"text": "a"}\n {"text": "b"}]', "a.json:1: a comma is missing after this row"),
        (
            "a.json",
            b'[{"text": "a"},\n{"text": "b"',
            "a.json:2:13: not valid JSON: expected ',' or '}'; add a comma or `}` here",
        ),
        (
            "a.json",
            b'[{"text": "a"}',
            "a.json:1: the array has no closing bracket; add ] at the end, or copy the file again",
        ),
        (
            "a.json",
            b'[{"text": "a"},',
            "a.json:1: the array has no closing bracket; add ] at the end, or copy the file",
        ),
        ("a.json", b'[{"text": "a"', "a.json:1: not valid JSON: the file ends inside this row; copy the file again"),
        ("a.json", b'[{"text": "a"}] {"text": "b"}', "a.json: text follows the array"),
        (
            "a.json",
            b'{"data":\n [{"text": "a"}]}',
            "a.json:1: not valid JSON: the row does not end on this line; write one object per line, or one",
        ),
        (
            "a.jsonl",
            b'{"text": "a"}\n{"text": "b"  \n',
            "a.jsonl:2:13: not valid JSON: expected ',' or '}'; add a comma or `}` here",
        ),
        ("a.jsonl", b'{"text": "a"}\n{"text": ["}" "b"', "a.jsonl:2:15: not valid JSON: expected ',' or ']'"),
        ("a.jsonl", b'{"text": "a"}\n{"text" "b"}', "a.jsonl:2:9: not valid JSON: expected ':'"),
        (
            "a.jsonl",
            b'{"text": "a"}\n{text: "b"}',
            "a.jsonl:2:2: not valid JSON: expected a field name in double quotes",
        ),
        ("a.jsonl", b'{"text": "a"}\n{"text": "b}', "a.jsonl:2:10: not valid JSON: a string is not closed"),
        ("a.jsonl", b'{"text": "a"}\n{"text": "\\q"}', "a.jsonl:2:11: not valid JSON: invalid escape"),
        (
            "a.jsonl",
            b'{"text": "a"} {"text": "b"}',
            "a.jsonl:1:15: not valid JSON: a second row follows on the same line",
        ),
        ("a.jsonl", b'{"text": "a"}\n{"text": "b"}}', "a.jsonl:2:14: not valid JSON: text follows the end of the row"),
        (
            "a.jsonl",
            b'{"text": "a"}\n{"text": "b", }',
            "a.jsonl:2:13: not valid JSON: a comma precedes the closing bracket; remove the comma",
        ),
        (
            "a.json",
            b'[{"text": "a"},\n{"text": "b",\n}]',
            "a.json:2:13: not valid JSON: a comma precedes the closing bracket; remove the comma",
        ),
        (
            "a.json",
            b'[{"text": "a"},\n {"text": "b"},\n]',
            "a.json:2:15: not valid JSON: a comma precedes the closing bracket; remove the comma",
        ),
        ("a.json", b"[]", "there are no rows"),
        (
            "a.csv",
            b"text,b\nx,1\ny\n",
            "a.csv:3: the row has 1 cell, but the header has 2; add the missing cell, or delete the line",
        ),
        ("a.csv", b"text,b\nx,1,2\n", "a.csv:2: the row has 3 cells, but the header has 2; put cells that contain"),
        (
            "a.csv",
            b'text,b\nx,1\n"y,2\nz,3\n',
            "a.csv:3: not valid CSV: the double quote that begins cell 1 is never closed; close it",
        ),
        ("a.csv", b'text,b\nx,1\n"y"\n"",","\n,"z\n', "a.csv:3: the row has 1 cell, but the header has 2"),
        (
            "a.csv",
            b'text,b\n"y\nz","z\n',
            "a.csv:3: not valid CSV: the double quote that begins cell 2 is never closed",
        ),
        (
            "a.csv",
            b'text,b\nx,"""one"" of two\nlines, ""both"" quoted"\ny,"a "big" one"\n',
            "a.csv:4: not valid CSV: the double quote that begins cell 2 is closed before the end of the cell; put the",
        ),
        (
            "a.csv",
            b'text,b\nx,"open\ny,"closed"\n',
            "a.csv:2: not valid CSV: the double quote that begins cell 2 is not closed before line 3, where text",
        ),
        ("a.csv", b"text,b\nx\ry,1\n", "a.csv:2: not valid CSV: a line break in a cell without double quotes"),
        ("a.csv", b"text,text\nx,1\n", "a.csv:1: columns 1 and 2 have the same name"),
        ("a.csv", b"body\nx\n", 'a.csv:2: field "text" is missing'),
        ("a.csv", "text\nx\ncafé\n".encode("latin-1"), "a.csv:3: not UTF-8 (byte 4 of the line)"),
        ("a.csv", "text\nx\n".encode("utf-16"), "a.csv: the file is UTF-16; save it as UTF-8"),
        ("a.jsonl", '{"text": "a"}\n'.encode("utf-16"), "a.jsonl: the file is UTF-16; save it as UTF-8"),
        ("a.csv", "text\nx\n".encode("utf-16-le"), "a.csv: the file is UTF-16; save it as UTF-8"),
        ("a.json", '[{"text": "a"}]'.encode("utf-16-be"), "convert a.json --encoding utf-16-be -o a-utf8.jsonl"),
        ("a.jsonl", '{"text": "a"}\n'.encode("utf-32"), "a.jsonl: the file is UTF-32; save it as UTF-8"),
        ("a.jsonl", '{"text": "a"}\n'.encode("utf-32"), "convert a.jsonl --encoding utf-32 -o a-utf8.jsonl"),
        ("a.jsonl", b'{"text": "a"}\n\0\0\0', "a.jsonl:2:1: not valid JSON: an invisible character; delete it"),
        ("a.jsonl", '{\u00a0"text": "a"}\n'.encode(), "a.jsonl:1:2: not valid JSON: an invisible character; delete it"),
        ("a.csv", b"text\n", "there are no rows"),
        ("a.csv", b"", "there are no rows"),
        (
            "a.jsonl",
            gzip.compress(b"{}", mtime=0),
            "a.jsonl: a gzip file without .gz in its name; rename it to `a.jsonl.gz`, and use the new name",
        ),
        (
            "a.csv",
            b"PAR1....",
            "a.csv: a Parquet file, but the name ends in .csv; rename it to `a.parquet`, and use the new name",
        ),
        ("a.jsonl", b"\x28\xb5\x2f\xfd..", "a.jsonl: compressed with zstd; unpack it, and name the unpacked file"),
        ("a.csv", b"\xd0\xcf\x11\xe0..", "a.csv: an Excel workbook, not text; export it as CSV"),
        ("a.jsonl", b"%PDF-1.7", "a.jsonl: a PDF document, not rows; write its text as rows"),
        (
            "a.csv",
            b'{"text": "a"}\n',
            "a.csv: rows of JSON, but the name ends in .csv; rename it to `a.jsonl`, and use the new name",
        ),
        (
            "a.parquet",
            b'{"text": "a"}\n',
            "a.parquet: rows of JSON, but the name ends in .parquet; rename it to `a.jsonl`",
        ),
        ("a.jsonl.gz", b"no gzip", "a.jsonl.gz: not a gzip file; remove .gz from its name, or compress it"),
        ("a.jsonl.gz", gzip.compress(b'{"text": "a"}\n' * 9, mtime=0)[:-9], "a.jsonl.gz: not a complete gzip file"),
        ("a.parquet.gz", gzip.compress(b"hello", mtime=0), "a.parquet.gz: not a readable Parquet file"),
    ],
)
def test_a_fault_is_named_by_file_and_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as refused:
        read(tmp_path / name, "Text")
    assert message in str(refused.value)


def test_lists_in_csv_are_json(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('prompt,completion,choices\nq,b,"[""a"", ""b""]"\nq,b,\n')
    rows = read(tmp_path / "a.csv")
    assert [row.fields.get("choices") for row in rows] == [["a", "b"], None]


def test_a_cell_may_be_longer_than_pythons_default(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\n" + "x" * 200_000 + "\n")
    assert len(read(tmp_path / "a.csv", "Text")[0].fields["text"]) == 200_000


def test_a_fault_in_csv_says_on_which_line_its_row_begins(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('prompt,completion\n"two\nlines",x\nq,\n')
    with pytest.raises(DataError, match=r'^a\.csv:4: field "completion" is empty'):
        read(tmp_path / "a.csv")


@pytest.mark.parametrize("indent", [None, 2])
def test_rows_inside_an_object_are_one_error_with_its_fix(indent: int | None, tmp_path: Path) -> None:
    content = json.dumps({"rows": [{"text": "a"}, {"text": "b"}]}, indent=indent)
    (tmp_path / "a.json").write_text(content)
    lines = "write one object per line, or one array of objects to a file whose name ends in .json"
    fixes = {None: "write only that list to the file", 2: lines}
    with pytest.raises(DataError) as refused:
        read_rows(str(tmp_path), "Text")
    assert str(refused.value).startswith("a.json:1: ")
    assert str(refused.value).endswith(fixes[indent])


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet", "a.jsonl.gz"])
def test_a_git_lfs_pointer_is_named_as_one(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12345\n")
    with pytest.raises(DataError) as caught:
        read(tmp_path / name)
    assert (
        str(caught.value)
        == f"{name}: a Git LFS pointer, not the file; run `git lfs pull` in the repository it comes from, "
        "and copy it again if it is a copy"
    )
