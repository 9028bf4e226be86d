"""The fingerprint of rows shows that they changed, and says nothing to those without the participant's secret."""

from fedtrain.data.mixed_rows import DatasetRows, fingerprint_of
from fedtrain.data.row import Row, digest_of_rows

ROWS = [Row("a:1", {"text": "yes"}), Row("a:2", {"text": "no"})]
SECRET, OTHER = bytes(32), bytes([1]) * 32


def of(*datasets: tuple[str, list[Row]], who: str = "zoo", secret: bytes = SECRET) -> str:
    return fingerprint_of([DatasetRows(name, rows) for name, rows in datasets], who, secret)


def test_equal_rows_of_a_participant_have_equal_fingerprints_and_changed_rows_do_not() -> None:
    assert of(("notes", ROWS)) == of(("letters", [Row("b:9", row.fields) for row in ROWS]))
    assert of(("notes", ROWS)) != of(("notes", ROWS[::-1]))
    assert of(("notes", ROWS), ("more", [])) != of(("notes", ROWS))


def test_nobody_without_the_secret_can_confirm_guessed_rows() -> None:
    for datasets in ([("notes", ROWS)], [("notes", ROWS), ("more", ROWS)]):
        found = {of(*datasets), of(*datasets, secret=OTHER), of(*datasets, who="museum"), digest_of_rows(ROWS)}
        assert len(found) == 4, "another key, another participant in the same place, and no key"
