"""Tables on a narrow terminal: no number and no word is cut."""

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from fedtrain.cli.list import table as run_lines
from fedtrain.results.run_list import list_runs
from fedtrain.results.status import tables
from fedtrain.results.summary import summarise
from fedtrain.results.tables import Table, drawn, legend, parts, show
from tests.support.ledger_by_hand import Hand

TABLE = Table(
    "rounds",
    ("participant", "state", "train loss", "samples", "sent"),
    (("botanic-garden", "Aggregated", "1.234", "1,890", "322 kB"), ("zoo", "Aggregated", "2.345", "12,890", "1.2 MB")),
    left=2,
)


def shown(table: Table, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, record=True)
    for part in parts(table, width):
        console.print(drawn(part, width))
    return console.export_text()


def test_one_blank_line_is_between_two_tables(capsys: pytest.CaptureFixture[str]) -> None:
    show([TABLE, TABLE], terminal=True)
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    table = lines[: len(lines) // 2]
    assert lines == [*table, "", *table]
    assert all(table)


def test_a_legend_is_below_all_parts_of_its_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = replace(TABLE, legend=legend({"samples": "rows of a pass", "sent": "size of the update"}))
    expected = "samples: rows of a pass. sent: size of the update."
    show([table], terminal=False)
    assert capsys.readouterr().out.splitlines()[-1] == expected
    monkeypatch.setenv("COLUMNS", "30")
    show([table], terminal=True)
    lines = capsys.readouterr().out.splitlines()
    assert " ".join(line.strip() for line in lines[-2:]) == expected
    assert "rounds (continued)" in lines, "a title is not wrapped to the width of its table"
    assert lines.count("rounds") == 1


def test_usual_tables_are_whole_at_80_columns(finished: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = [*tables(summarise(finished.ledger)), run_lines(list_runs("runs").runs)]
    without_reasons = [replace(one, rows=tuple(row for row in one.rows if ": " not in row[1])) for one in found]
    assert [table for table in without_reasons if len(parts(table, 80)) > 1] == []


def test_every_column_of_numbers_of_a_status_is_explained(finished: Hand) -> None:
    obvious = {"round", "outcome", "participant", "state", "time", "train loss"}
    for table in tables(summarise(finished.ledger)):
        explained = {
            name for entry in re.split(r"(?<!val)\. ", table.legend) for name in entry.partition(":")[0].split(", ")
        }
        assert set(table.head) - obvious <= explained


@pytest.mark.parametrize("width", [60, 80])
def test_fields_that_differ_stay_beside_each_other(width: int) -> None:
    rows = (
        ("spec.evaluation.participants.metrics[0].name", '"loss"', '"accuracy"'),
        ("spec.model.base", '"./base"', '"../fedtrain/examples/quickstart/base"'),
    )
    table = Table("fields that differ", ("field", "quickstart", "ward2"), rows, left=3)
    assert parts(table, width) == [table]
    lines = shown(table, width).splitlines()
    assert max(map(len, lines)) <= width
    words = {word for line in lines for word in line.split()}
    assert {'"loss"', '"accuracy"', '"./base"'} <= words
    assert any(word.endswith('base"') for word in words)
    assert any(word.startswith("spec.evaluation.") for word in words), "wrapped between names"


def test_a_row_with_a_name_alone_is_a_heading() -> None:
    table = Table("", ("each round", "steps"), (("rounds 1-3", ""), ("zoo", "25")))
    assert [line.strip() for line in shown(table, 80).splitlines()][2:] == ["rounds 1-3", "zoo            25"]


def test_a_table_that_fits_stays_whole() -> None:
    assert parts(TABLE, 80) == [TABLE]


def test_columns_that_do_not_fit_are_in_a_further_table_with_the_first_column() -> None:
    first, second = parts(TABLE, 40)
    assert first.head == ("participant", "state", "train loss")
    assert (second.title, second.head, second.left) == ("rounds (continued)", ("participant", "samples", "sent"), 1)
    assert second.rows == (("botanic-garden", "1,890", "322 kB"), ("zoo", "12,890", "1.2 MB"))


@pytest.mark.parametrize("width", [44, 60, 80, 120])
def test_every_cell_of_a_status_is_whole_at_any_width(finished: Hand, width: int) -> None:
    for table in tables(summarise(finished.ledger)):
        lines = shown(table, width).splitlines()
        assert max(map(len, lines)) <= width
        cells = {cell for row in table.rows for cell in row if len(cell) < 20}
        assert [cell for cell in cells if not any(cell in line for line in lines)] == []


def test_long_text_is_wrapped() -> None:
    table = Table("t", ("run", "state"), (("a", "Absent: " + "no update before the deadline " * 4),), left=2)
    assert max(map(len, shown(table, 60).splitlines())) <= 60


def test_long_addresses_are_wrapped_after_a_slash_or_a_hyphen() -> None:
    names = ("second-try-with-rank-16-and-more-rounds/…/quickstart", "first-try-with-rank-8/…/quickstart")
    table = Table("results", ("run", "phase"), tuple((name, "Succeeded") for name in names), left=2)
    words = {word for line in shown(table, 60).splitlines() for word in line.split()}
    assert {"first-try-with-rank-8/…/", "second-try-with-rank-16-and-", "more-rounds/…/quickstart"} <= words
