"""docs/your-own-data.md has sample rows of each `data.format`, and they are read as it says."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from fedtrain.api.data import FORMAT_FIELDS, Format
from fedtrain.data.formats import RowChecker, format_of

PAGE = (Path(__file__).parents[3] / "docs" / "your-own-data.md").read_text(encoding="utf-8")
SAMPLE = re.compile(r"^```json\n(.*?)^```", re.MULTILINE | re.DOTALL)


def section(format: Format) -> str:
    return re.split(r"^#{1,3} ", PAGE.partition(f"\n### {format}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


@pytest.mark.parametrize("format", get_args(Format))
def test_each_format_has_sample_rows_that_are_read(format: Format) -> None:
    rows = [json.loads(line) for block in SAMPLE.findall(section(format)) for line in block.splitlines()]
    assert rows
    for row in rows:
        assert format_of(row) == format
        assert RowChecker(format).check(row, "page:1").warnings == ()


@pytest.mark.parametrize("format", get_args(Format))
def test_the_table_has_all_fields_of_each_format(format: Format) -> None:
    (line,) = re.findall(rf"^\| `{format}` \| .*$", PAGE, re.MULTILINE)
    for field in set(FORMAT_FIELDS[format]) - {"choices"}:
        assert f"`{field}`" in line
