"""Write ../data: the training rows of four participants and the hub's test rows, from WordNet 3.0."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from wordnet import CLASSES, Row, Tests, normalise, read

DATA = Path(__file__).parents[1] / "data"
SEED = 17
TRAIN_ROWS = 700  # a class
TEST_ROWS = 60  # a class
HOME_SHARE = 0.7  # of a class's training rows at the participant that the class is at home with
WORDS = range(2, 25)  # words in a definition
CHARACTERS = 120  # of a text at most: short sequences keep the demo quick

# The classes at home with each participant; the other participants share out the rest evenly.
FAMILIES = {
    "zoo": ("animal", "body", "motion"),
    "botanic-garden": ("plant", "food", "substance"),
    "museum": ("artifact", "person", "communication"),
    "observatory": ("location", "object", "time"),
}


def candidates(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows to choose from, by class: definitions that no other synset has, so that no text has two answers."""
    rows = list(rows)
    uses = Counter(row.key for row in rows)
    chosen: dict[str, list[Row]] = {label: [] for label in CLASSES}
    for row in rows:
        fits = len(row.key.split()) in WORDS and len(row.text) <= CHARACTERS
        if row.label and fits and uses[row.key] == 1:
            chosen[row.label].append(row)
    return chosen


def split(pools: dict[str, list[Row]], rng: random.Random) -> tuple[list[Row], dict[str, list[Row]]]:
    """Test rows, and training rows by class: none of these holds a test text or has a test row's word."""
    test: list[Row] = []
    for pool in pools.values():
        rng.shuffle(pool)
        test += pool[:TEST_ROWS]
    tests = Tests(row.gloss for row in test)
    words = {normalise(row.word) for row in test}
    train: dict[str, list[Row]] = {}
    for label, pool in pools.items():
        free = [r for r in pool[TEST_ROWS:] if normalise(r.word) not in words and not tests.leak_into(r.text)]
        if len(free) < TRAIN_ROWS:
            raise SystemExit(f"{label}: {len(free)} rows left, {TRAIN_ROWS} wanted")
        train[label] = free[:TRAIN_ROWS]
    return test, train


def share_out(train: dict[str, list[Row]]) -> dict[str, list[Row]]:
    homes = {label: name for name, labels in FAMILIES.items() for label in labels}
    parts: dict[str, list[Row]] = {name: [] for name in FAMILIES}
    for label, rows in train.items():
        at_home = round(HOME_SHARE * len(rows))
        parts[homes[label]] += rows[:at_home]
        others = [name for name in FAMILIES if name != homes[label]]
        for position, row in enumerate(rows[at_home:]):
            parts[others[position % len(others)]].append(row)
    return parts


def write(path: Path, rows: Iterable[Row]) -> None:
    lines = (json.dumps({"prompt": row.prompt, "completion": f" {row.label}"}, ensure_ascii=False) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def main() -> None:
    rng = random.Random(SEED)
    test, train = split(candidates(read()), rng)
    parts = share_out(train)
    DATA.mkdir(exist_ok=True)
    for name, rows in {**parts, "test": test}.items():
        rng.shuffle(rows)
        write(DATA / f"{name}.jsonl", rows)
        print(f"{name}: {len(rows)} rows, {dict(sorted(Counter(row.label for row in rows).items()))}")


if __name__ == "__main__":
    main()
