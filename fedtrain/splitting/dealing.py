"""Who gets which rows. Pure: the same rows, ways and seed give the same parts, each a list of row numbers.

Every way of dealing is disjoint, complete and gives every participant at least one row.
"""

from collections import Counter
from collections.abc import Sequence
from math import floor
from random import Random

from fedtrain.partitioning.exact_numbers import exact
from fedtrain.partitioning.permutations import permutation, seeded_bytes

Parts = list[list[int]]


def deal_evenly(rows: int, participants: int, seed: int) -> Parts:
    """Shuffled, and dealt out like cards: sizes differ by one at most."""
    order = _shuffled(rows, seed, "even", 0)
    return [sorted(order[number::participants]) for number in range(participants)]


def deal_to_holders(holders: Sequence[int], participants: int) -> Parts:
    """Row i goes to participant `holders[i]`."""
    parts: Parts = [[] for _ in range(participants)]
    for row, holder in enumerate(holders):
        parts[holder].append(row)
    return parts


def hold_values(values: Sequence[str], names: Sequence[str], slugs: dict[str, str]) -> dict[str, int]:
    """Which participant holds each value. A value that a participant is named after is its own; of the others, the
    largest first, each goes to the participant with the fewest rows so far (the first of equals)."""
    volume = Counter(values)
    loads = [0] * len(names)
    holders: dict[str, int] = {}
    for value in sorted(volume):
        if slugs[value] in names:
            holders[value] = names.index(slugs[value])
            loads[holders[value]] += volume[value]
    for value in sorted(volume, key=lambda value: (-volume[value], value)):
        if value not in holders:
            holders[value] = loads.index(min(loads))
            loads[holders[value]] += volume[value]
    return holders


def deal_dirichlet(labels: Sequence[str], participants: int, alpha: float, seed: int) -> Parts:
    """Label skew: each label's rows are shared out in proportions drawn from Dirichlet(alpha, ..., alpha), so a small
    alpha gives each participant few labels and a large one the same mix as everyone (after Hsu et al. 2019,
    arXiv:1909.06335; drawn for each label, as in Yurochkin et al. 2019, arXiv:1905.12022).

    A participant that is left without rows gets one of the commonest label of the participant with most rows.
    """
    random = Random(int.from_bytes(seeded_bytes("deal", seed, "dirichlet", 0, 32), "little"))
    of_label: dict[str, list[int]] = {}
    for row, label in enumerate(labels):
        of_label.setdefault(label, []).append(row)
    parts: Parts = [[] for _ in range(participants)]
    for number, label in enumerate(sorted(of_label)):
        rows = of_label[label]
        shuffled = [rows[position] for position in _shuffled(len(rows), seed, "label", number)]
        ends = _ends(_dirichlet(random, alpha, participants), len(rows))
        for part, start, end in zip(parts, [0, *ends], ends, strict=False):
            part.extend(shuffled[start:end])
    _fill_empty(parts, labels)
    return [sorted(part) for part in parts]


def hold_out(parts: Parts, fraction: float, seed: int) -> tuple[Parts, list[int]]:
    """Takes the same fraction of each part (rounded down) for a test: (what is left of the parts, test rows). At
    least one row in all; every part keeps at least one."""
    kept: Parts = []
    test: list[int] = []
    for number, part in enumerate(parts):
        taken = floor(exact(fraction) * len(part))
        order = _shuffled(len(part), seed, "test", number)
        test.extend(part[position] for position in order[:taken])
        kept.append([part[position] for position in sorted(order[taken:])])
    if not test:
        largest = max(kept, key=len)
        if len(largest) > 1:
            test.append(largest.pop())
    return kept, sorted(test)


def _shuffled(count: int, seed: int, what: str, number: int) -> list[int]:
    return [int(position) for position in permutation(count, "deal", seed, what, number)]


def _dirichlet(random: Random, alpha: float, size: int) -> list[float]:
    """Normalised gamma draws. A tiny alpha makes all of them underflow: its limit gives all to one."""
    draws = [random.gammavariate(alpha, 1.0) for _ in range(size)]
    whole = sum(draws)
    if whole > 0:
        return [draw / whole for draw in draws]
    chosen = random.randrange(size)
    return [float(number == chosen) for number in range(size)]


def _ends(shares: Sequence[float], rows: int) -> list[int]:
    """Where each share of `rows` rows ends; the last one ends at `rows`."""
    ends: list[int] = []
    reached = 0.0
    for share in shares[:-1]:
        reached += share
        ends.append(min(rows, round(reached * rows)))
    return [*ends, rows]


def _fill_empty(parts: Parts, labels: Sequence[str]) -> None:
    for part in parts:
        if not part:
            largest = max(parts, key=len)
            common = Counter(labels[row] for row in largest)
            label = min(common, key=lambda label: (-common[label], label))
            row = next(row for row in largest if labels[row] == label)
            largest.remove(row)
            part.append(row)
