"""Tables on a narrow terminal: no number and no word is cut."""

import io

import pytest
from rich.console import Console

from fedtrain.results.status import tables
from fedtrain.results.summary import summarise
from fedtrain.results.tables import Table, drawn, parts, show
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


def test_one_blank_line_is_below_each_table(capsys: pytest.CaptureFixture[str]) -> None:
    show([TABLE, TABLE], terminal=True)
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    table = lines[: len(lines) // 2]
    assert lines == table * 2
    assert [bool(line) for line in table[-2:]] == [True, False]


def test_a_table_that_fits_stays_whole() -> None:
    assert parts(TABLE, 80) == [TABLE]


def test_columns_that_do_not_fit_are_in_a_further_table_with_the_first_column() -> None:
    first, second = parts(TABLE, 44)
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
