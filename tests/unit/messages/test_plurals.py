import ast
import re
from pathlib import Path

import pytest

from fedtrain.plurals import form, several

ROOT = Path(__file__).parents[3]
PRODUCT = ("fedtrain", "aggregator", "operator", "trainer_image")
NOUNS = "attempts|epochs|files|objects|participants|pods|records|rounds|rows|samples|steps|tasks|updates|workers"
ADJECTIVES = "checked|distinct|more|test|training|valid|validation"
COUNTED = re.compile(rf"^ (?:(?:{ADJECTIVES}) )?(?:{NOUNS})\b")


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 rounds"), (1, "1 round"), (2, "2 rounds"), (1000, "1,000 rounds"), (0.5, "0.5 rounds"), (1.0, "1 round")],
)
def test_nouns_agree_with_their_number(number: float, text: str) -> None:
    assert several(number, "round") == text


def test_verbs_agree_with_their_number() -> None:
    assert [form(number, "is", "are") for number in (0, 1, 2)] == ["are", "is", "are"]


def counted_nouns(file: Path) -> list[str]:
    """Return the f-strings in which a plural noun follows a value."""
    found: list[str] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            for value, after in zip(node.values, node.values[1:], strict=False):
                text = after.value if isinstance(after, ast.Constant) else ""
                if isinstance(value, ast.FormattedValue) and not _agrees(value) and COUNTED.match(str(text)):
                    found.append(f"{file.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}")
    return found


def _agrees(value: ast.FormattedValue) -> bool:
    call = value.value
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ("several", "form")


@pytest.mark.parametrize("folder", PRODUCT)
def test_every_counted_noun_of_a_message_uses_the_helper(folder: str) -> None:
    files = [file for file in (ROOT / folder).rglob("*.py") if "node_modules" not in file.parts]
    assert [line for file in files for line in counted_nouns(file)] == []
