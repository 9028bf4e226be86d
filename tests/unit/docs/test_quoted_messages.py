"""docs/troubleshooting-laptop.md quotes messages as the program writes them; `...` stands for values."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "troubleshooting-laptop.md"
OTHER_PROGRAMS = ("fedtrain: command not found", "No space left on device")
JOINED_LITERALS = re.compile(r'"\s*\n\s*f?"')
FIELD = re.compile(r"\{[^{}\n]*\}")  # of one line: a lone brace must not remove the lines below it
WORDS = re.compile(r"[^a-z0-9]+")


def quoted() -> list[str]:
    """Return the messages between backticks in the first column of the page's tables."""
    cells: list[str] = []
    for row in re.findall(r"^\| (`.*?) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE):
        cells += [message for _, message in re.findall(r"(`+)(.+?)\1", row) if " " in message]
    return [cell for cell in cells if not any(text in cell for text in OTHER_PROGRAMS)]


@pytest.fixture(scope="module")
def sources() -> str:
    files = [file for part in ("fedtrain", "trainer_image") for file in (ROOT / part).rglob("*.py")]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    text = JOINED_LITERALS.sub("", text).replace("\\", "")
    while (without := FIELD.sub(" ", text)) != text:
        text = without
    return plain(text) + plain((ROOT / "Makefile").read_text(encoding="utf-8"))


@pytest.mark.parametrize("message", quoted())
def test_messages_are_those_of_the_program(message: str, sources: str) -> None:
    parts = [plain(part) for part in message.split("...")]
    assert [part for part in parts if part not in sources] == []


def plain(text: str) -> str:
    return WORDS.sub(" ", text.lower()).strip()
