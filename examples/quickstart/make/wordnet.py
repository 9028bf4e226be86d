"""Read WordNet 3.0's data files: one row a synset, with its first word, its definition and its class.

The files are those of the Debian package ``wordnet-base`` (see README.md). Everything here is a pure function of
them, in file order, so that each script of this folder sees the same rows.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

WORDNET = Path("/usr/share/wordnet")

# The lexicographer files of the classes in use, by the number that the data files carry (lexnames(5WN)).
CLASSES = {
    "animal": 5,
    "artifact": 6,
    "body": 8,
    "communication": 10,
    "food": 13,
    "location": 15,
    "object": 17,
    "person": 18,
    "plant": 20,
    "substance": 27,
    "time": 28,
    "motion": 38,
}
CLASS_OF_NUMBER = {number: name for name, number in CLASSES.items()}


@dataclass(frozen=True)
class Row:
    word: str
    gloss: str
    label: str | None  # None: not one of the classes in use

    @property
    def text(self) -> str:
        return f"{self.word}: {self.gloss}"

    @property
    def prompt(self) -> str:
        return f"{self.text} =>"

    @property
    def key(self) -> str:
        return normalise(self.gloss)


def normalise(text: str) -> str:
    """The text that counts when two texts are compared: lower-case ASCII words, nothing else."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return " ".join(re.findall(r"[a-z0-9]+", ascii_text.lower()))


def definition(gloss: str) -> str:
    """The gloss up to its first quoted example."""
    return re.sub(r"\s+", " ", gloss.split('"', 1)[0]).strip(" ;:,-")


def parse(line: str) -> Row:
    head, _, gloss = line.partition(" | ")
    fields = head.split()
    word = re.sub(r"\((a|p|ip)\)$", "", fields[4]).replace("_", " ")
    return Row(word, definition(gloss), CLASS_OF_NUMBER.get(int(fields[1])))


def read(folder: Path = WORDNET) -> list[Row]:
    """Every synset with a definition, in the order of the files; lines of the licence start with a blank."""
    rows: list[Row] = []
    for part in ("noun", "verb", "adj", "adv"):
        with (folder / f"data.{part}").open(encoding="utf-8") as lines:
            rows += [parse(line) for line in lines if not line.startswith(" ")]
    return [row for row in rows if row.key]


class Tests:
    """The test texts, to ask whether another text gives one of them away: equal to it, or holding it whole."""

    def __init__(self, glosses: Iterable[str]) -> None:
        self.keys = {normalise(gloss) for gloss in glosses}
        self.by_first: dict[str, list[str]] = {}
        for key in sorted(self.keys):
            self.by_first.setdefault(key.split(" ", 1)[0], []).append(f" {key} ")

    def leak_into(self, text: str) -> bool:
        key = normalise(text)
        padded = f" {key} "
        return any(test in padded for word in set(key.split()) for test in self.by_first.get(word, ()))
