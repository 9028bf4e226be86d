"""Prove that no test text is in what anyone trains on; exit with 1 if one is.

Texts are compared as lower-case ASCII words, by what they say and not by where they come from: two synsets may share
a definition. A test text leaks into a text that is equal to it or holds it whole. Checked: the participants' rows,
each participant's rows against the others' (a row belongs to one of them), and, where WordNet is installed, every
text that the tokenizer and the base model were made from.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable

from make_data import DATA, FAMILIES
from wordnet import WORDNET, normalise


def prompts(name: str) -> list[str]:
    lines = (DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["prompt"].removesuffix(" =>") for line in lines]


def leaks(test: Iterable[str], texts: Iterable[str]) -> list[str]:
    """Test definitions that stand, whole, in one of the texts. Plain search in one long string: nothing clever."""
    everything = "\n".join(f" {normalise(text)} " for text in texts)
    return [gloss for gloss in test if f" {normalise(gloss)} " in everything]


def nearest(test: Iterable[str], texts: Iterable[str]) -> Counter[str]:
    """How alike the most alike text is, by shared words over all words: how many test texts are in each band."""
    bags = [frozenset(normalise(text).split()) for text in texts]
    by_word: dict[str, list[int]] = {}
    for number, bag in enumerate(bags):
        for word in bag:
            by_word.setdefault(word, []).append(number)
    bands: Counter[str] = Counter()
    for gloss in test:
        words = frozenset(normalise(gloss).split())
        shared: Counter[int] = Counter()
        for word in words:
            shared.update(by_word.get(word, ()))
        best = max((n / len(words | bags[number]) for number, n in shared.items()), default=0.0)
        bands["1.0" if best == 1 else ".8 to 1" if best >= 0.8 else ".6 to .8" if best >= 0.6 else "below .6"] += 1
    return bands


def glosses(texts: Iterable[str]) -> list[str]:
    return [text.split(": ", 1)[1] for text in texts]


def main() -> None:
    test = glosses(prompts("test"))
    assert len({normalise(gloss) for gloss in test}) == len(test), "a test text occurs twice"
    parts = {name: prompts(name) for name in FAMILIES}
    found = {name: leaks(test, texts) for name, texts in parts.items()}
    trained = [text for texts in parts.values() for text in texts]
    repeated = sum(n - 1 for n in Counter(normalise(gloss) for gloss in glosses(trained)).values())
    found["the rows that two participants share"] = ["?"] * repeated
    print(f"participants: {len(trained)} texts; most alike to a test text: {dict(nearest(test, glosses(trained)))}")
    if WORDNET.is_dir():
        from make_base import corpus

        texts = corpus()
        found["the base model's texts"] = leaks(test, texts)
        print(f"base model: {len(texts)} texts; most alike to a test text: {dict(nearest(test, glosses(texts)))}")
    else:
        print("base model: not checked, WordNet is not installed")
    for place, leaked in found.items():
        print(f"{place}: {len(leaked)} leaks")
        for text in leaked:
            print(f"  {text}")
    sys.exit(any(found.values()))


if __name__ == "__main__":
    main()
