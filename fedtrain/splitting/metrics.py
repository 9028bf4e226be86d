"""The metrics that a split's file measures on labelled rows."""

from collections.abc import Iterable, Sequence
from typing import Any, cast

from fedtrain.api.evaluation import MetricType
from fedtrain.splitting.rows import Row

MOST_ANSWERS = 100
"""Different answers that the metric Choices compares at most."""


def measurable(rows: Iterable[Row]) -> Sequence[MetricType]:
    """Return Choices before Loss if the answers of the rows are labels: 2 to 100 different texts, and each of them is
    the answer of two rows on average."""
    answers = [answer(row.fields) for row in rows]
    known = {one for one in answers if one is not None}
    labelled = None not in answers and 2 <= len(known) <= min(MOST_ANSWERS, len(answers) // 2)
    return ("Choices", "Loss") if labelled else ("Loss",)


def answer(fields: dict[str, Any]) -> str | None:
    """Return the text that the model learns to write; None in rows without one."""
    messages = cast("object", fields.get("messages"))
    last: object = cast("list[object]", messages)[-1] if isinstance(messages, list) and messages else None
    values = [fields.get("completion"), fields.get("output")]
    if isinstance(last, dict):
        values.append(cast("dict[str, object]", last).get("content"))
    return next((value for value in values if isinstance(value, str) and value), None)
