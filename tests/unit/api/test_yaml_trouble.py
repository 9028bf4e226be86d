"""Files that are not valid YAML, or not a federation."""

from pathlib import Path
from typing import Any

import pytest
from federation_files import SECTIONS, write

from fedtrain.api.reading import Invalid, read_file
from fedtrain.api.reading.scalars import plain


def only_error(file: Path) -> str:
    with pytest.raises(Invalid) as caught:
        read_file(file)
    (error,) = caught.value.errors
    return str(error).removeprefix(str(file))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2e-4", 2e-4),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-1.5E+2", -150.0),
        ("010", 10),
        ("0x1f", 31),
        ("0o17", 15),
        ("-.inf", float("-inf")),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("yes", "yes"),
        ("on", "on"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2026-01-01", "2026-01-01"),
        ("1.2.3", "1.2.3"),
        ("e5", "e5"),
        ("=", "="),
    ],
)
def test_plain_scalars_are_read_as_yaml_1_2_says(text: str, value: Any):
    assert (plain(text), type(plain(text))) == (value, type(value))


def test_a_number_of_thousands_of_digits_is_text():
    assert plain("9" * 5000) == "9" * 5000


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("\trounds: {count: 3}", ":8:1: This line is indented with a tab. Use spaces."),
        (
            "  rounds: {count: 3",
            ":9:11: The `{` that opens on line 8, column 11 is not closed before this, or a comma is missing. "
            "Write `}` at the end of its map, or `, ` between its fields.",
        ),
        (
            "  rounds: {count: 3, privacy: [a b: c}",
            ":8:38: The `[` that opens in column 31 is not closed before this, or a comma is missing. "
            "Write `]` at the end of its list, or `, ` between its items.",
        ),
        (
            "  rounds: count: 3",
            ":8:16: rounds has two colons on one line. "
            'Write `rounds: {count: 3}` for a map, or `rounds: "count: 3"` for text.',
        ),
        (
            " rounds: {count: 3}",
            ":8:2: This line (indented by 1, line 7 by 2) does not fit the lines above it. "
            "Align it with the other fields of its map, and begin only list items with `- `.",
        ),
        (
            "  rounds: *three",
            ":8:11: This alias (`*name`) has no anchor (`&name`) before it. "
            "Put a value that begins with * in quotes, or define the anchor.",
        ),
        ("  rounds: {count: @3}", ":8:19: A value cannot begin with this character. Put the value in quotes."),
        ("  rounds: {count: !mine 3}", ":8:19: The tag !mine is not supported. Remove it."),
        (
            "  rounds: {count: 3, count: 4}",
            ":8:22: count is set twice; the first is on line 8. Remove one of the two.",
        ),
        ("  rounds: {count: 3, 4: 5}", ":8:22: 4 is not a valid field name. Use a string."),
        ("  rounds: {count: 3, <<: 5}", ":8:22: `<<` merges only maps. Write an alias of a map after it."),
        ("  rounds: {count: 3} # \x01", ":8:24: The file contains the control character 0x01. Remove it."),
    ],
)
def test_invalid_yaml_is_reported_with_its_line(line: str, says: str, tmp_path: Path):
    assert only_error(write(tmp_path, rounds=line)) == says


def test_a_null_character_in_a_path_is_an_error(tmp_path: Path):
    hub = r'  evaluation: {hub: {data: {uri: "test.jsonl\0"}}}'
    assert only_error(write(tmp_path, evaluation=hub)) == (
        r":12:34: This value contains the null character (`\0`). Remove it."
    )


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("    count:3\n    retries: 2", ":9:5: count:3 has no space after the colon. Write `count: 3`."),
        ("    count:3", ':9:5: spec.rounds: "count:3" has no space after the colon. Write `count: 3`.'),
        ("    count 3\n    retries: 2", ":9:5: count 3 has no colon. Write `count: 3`."),
        (
            "    count: 3\n     retries: 2",
            ":10:13: This line is indented more than line 9 (`count: 3`), which has a value. Align the two lines.",
        ),
    ],
)
def test_a_mistake_on_one_line_is_not_reported_on_the_next(lines: str, says: str, tmp_path: Path):
    assert only_error(write(tmp_path, rounds=f"  rounds:\n{lines}")) == says


def test_a_field_below_a_value_names_the_line_of_the_value(tmp_path: Path):
    file = write(tmp_path, rounds="  rounds: 3\n    retries: 2")
    assert only_error(file) == (
        ":9:12: This line is indented more than line 8 (`rounds: 3`), which has a value. "
        "Align the two lines, or remove 3 on line 8."
    )


def test_open_quotes_and_brackets_name_the_line_that_opens_them(tmp_path: Path):
    file = write(tmp_path)
    file.write_text(file.read_text() + "---\na: [1\n")
    assert only_error(file) == ":21:4: This `[` is never closed. Write `]` at the end of its list."
    file.write_text('a: "b\n')
    assert only_error(file) == ":1:4: This quote is not closed. Close it at the end of the text."


def test_duplicate_keys_come_together_with_all_other_errors(tmp_path: Path):
    file = write(tmp_path, rounds="  rounds: {count: 0, count: 4}", storage="  storage: {type: Disk}")
    with pytest.raises(Invalid) as caught:
        read_file(file)
    assert [(error.line, error.column) for error in caught.value.errors] == [(8, 19), (8, 22), (13, 19)]


def test_a_file_that_is_not_there(tmp_path: Path):
    assert (
        only_error(tmp_path / "no.yaml")
        == ": The file does not exist. Correct the path, or write an example with `fedtrain init`."
    )


def test_a_folder_names_the_file_in_it(tmp_path: Path):
    file = write(tmp_path)
    assert only_error(tmp_path) == f": This is a folder, not a file. Use {file}."


@pytest.mark.parametrize("text", ["", " \n\n", "\ufeff"])
def test_an_empty_file(text: str, tmp_path: Path):
    file = tmp_path / "f.yaml"
    file.write_text(text)
    assert only_error(file) == ": The file is empty. Run `fedtrain init` to write an example."


def test_a_file_of_comments(tmp_path: Path):
    file = tmp_path / "f.yaml"
    file.write_text("# one day\n---\n# another\n")
    assert only_error(file) == ": The file contains only comments. Run `fedtrain init` to write an example."


def test_bytes_that_are_not_utf_8(tmp_path: Path):
    file = write(tmp_path)
    file.write_bytes(file.read_bytes().replace(b"name: answers", b"name: caf\xe9"))
    assert only_error(file) == ":3:21: Byte 0xe9 is not UTF-8. Save the file as UTF-8."
    file.write_text("a: 1", encoding="utf-16")
    assert only_error(file) == ": The file is UTF-16. Save it as UTF-8."


def test_a_file_of_policies_alone(tmp_path: Path):
    file = tmp_path / "f.yaml"
    file.write_text(SECTIONS["bank-a"] + "\n")
    (tmp_path / "a.jsonl").write_text("{}\n")
    assert only_error(file) == (
        f": No document is of kind FederatedTraining. Name the file of the training. `fedtrain validate {file}` checks "
        "this one alone."
    )
