"""The first 30 lines of README.md say what fedtrain is, and have one picture and the two commands to start with."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
LINES = 30


def test_the_first_screen_has_one_picture_and_two_commands() -> None:
    screen = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:LINES]
    title, _, sentence = screen[:3]
    assert title == "# fedtrain"
    assert sentence.startswith("**Fine-tune one language model across organisations that keep their data.**")
    pictures = re.findall(r"!\[.+\]\((.+)\)", "\n".join(screen))
    assert [(ROOT / picture).is_file() for picture in pictures] == [True]
    first, last = (number for number, line in enumerate(screen) if line.startswith("```"))
    clone, demo = screen[first + 1 : last]
    assert clone == "git clone <this repository> && cd fedtrain"
    assert demo.startswith("make demo ")
    assert re.search(r"^demo:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
