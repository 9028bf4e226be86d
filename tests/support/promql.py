"""The part of PromQL that the charts' alerts use, over the samples of two scrapes."""

import re
from collections.abc import Callable, Mapping, Sequence

Series = tuple[str, frozenset[tuple[str, str]]]
Scrape = Mapping[Series, float]
"""Values by name and labels."""
_AGGREGATES: Mapping[str, Callable[[Sequence[float]], float]] = {"max": max, "min": min, "sum": sum}


def fires(expression: str, before: Scrape, after: Scrape) -> bool:
    """Whether an alert fires at the scrape `after`. A range has both scrapes and nothing else."""
    if absent := re.fullmatch(r"absent\((\w+)\)", expression):
        return not _select(absent[1], after)
    found = re.fullmatch(r"(max|min|sum)\((.+)\) ([<>]) ([0-9.]+)", expression)
    assert found is not None, f"{expression} is not in the part of PromQL that tests know"
    values = _values(found[2], before, after)
    if not values:
        return False
    value, limit = _AGGREGATES[found[1]](values), float(found[4])
    return value > limit if found[3] == ">" else value < limit


def _values(inner: str, before: Scrape, after: Scrape) -> list[float]:
    if growing := re.fullmatch(r"increase\((.+)\[\w+\]\)", inner):
        known = _select(growing[1], before)  # a series that is new has one sample, and no increase
        return [value - known[one] for one, value in _select(growing[1], after).items() if one in known]
    if ratio := re.fullmatch(r"(\w+) / (\w+)", inner):
        above, below = (list(_select(one, after).values()) for one in ratio.groups())
        return [one / other for one, other in zip(above, below, strict=True)]
    return list(_select(inner, after).values())


def _select(selector: str, scrape: Scrape) -> Scrape:
    found = re.fullmatch(r"(\w+)(?:\{(.*)\})?", selector)
    assert found is not None, selector
    matchers = re.findall(r'(\w+)(=~|!~|=)"([^"]*)"', found[2] or "")
    return {one: value for one, value in scrape.items() if one[0] == found[1] and _matches(dict(one[1]), matchers)}


def _matches(labels: Mapping[str, str], matchers: Sequence[tuple[str, str, str]]) -> bool:
    for name, operator, value in matchers:
        same = bool(re.fullmatch(value if operator != "=" else re.escape(value), labels.get(name, "")))
        if same is (operator == "!~"):
            return False
    return True
