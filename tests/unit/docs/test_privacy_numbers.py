"""The numbers of docs/privacy.md's worked examples are those of the accountants. Those of the first example are in
tests/unit/rounds/test_spent_epsilon_shown.py."""

import re
from pathlib import Path

from fedtrain.privacy.accounting import Poisson, Release, epsilon, multiplier_for

PAGE = " ".join((Path(__file__).parents[3] / "docs/privacy.md").read_text().split())


def test_the_worked_example_of_single_rows() -> None:
    found = re.search(
        r"([\d,]+) rows, batches of (\d+), (\d+) steps in all, epsilon (\d+), delta 1e-5: each row is in a step with "
        r"probability ([\d.]+), and the multiplier is ([\d.]+)\. The noise on each value of a step's gradient is "
        r"([\d.]+) C / (\d+)\. A participant with ([\d,]+) rows needs ([\d.]+) for the same epsilon",
        PAGE,
    )
    assert found is not None
    rows, batch, steps, budget, probability, multiplier, noise, expected, more, less = found.groups()
    rows, more = (int(number.replace(",", "")) for number in (rows, more))

    def needed(count: int) -> str:
        return f"{multiplier_for(float(budget), 1e-5, int(steps), Poisson(int(batch) / count)):.2f}"

    assert probability == f"{int(batch) / rows:.3f}"
    assert multiplier == noise == needed(rows)
    assert expected == batch
    assert less == needed(more)


def test_the_example_of_two_runs_on_one_data_set() -> None:
    found = re.search(r"two runs of (\d+) rounds with z = (\d+) cost ([\d.]+) each and ([\d.]+) together", PAGE)
    assert found is not None
    rounds, multiplier, each, together = found.groups()
    one, both = (epsilon({Release(float(multiplier)): int(rounds) * runs}, 1e-5) for runs in (1, 2))
    assert (each, together) == (f"{one:.1f}", f"{both:.2f}")
